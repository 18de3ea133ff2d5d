"""The loop: calls in order of their time, and a handler that fails is alone in it."""

from __future__ import annotations

import os
import threading
import time

import pytest

from fakes.proxied import soon
from faultlayer.dependencies.loop import READ, Loop


def test_it_calls_at_the_time_and_when_woken(capfd: pytest.CaptureFixture[str]) -> None:
    loop, said = Loop(), []
    now = time.monotonic()
    loop.at(now + 0.2, lambda: said.append("late"))
    loop.at(now + 0.1, lambda: said.append("soon"))
    loop.at(now, lambda: said.append(1 // 0))  # type: ignore[func-returns-value]
    loop.when_woken(lambda: said.append("woken"))
    threading.Thread(target=loop.run, daemon=True).start()
    loop.wake()
    assert soon(lambda: said == ["woken", "soon", "late"])
    loop.call(lambda: said.append("called"))
    assert soon(lambda: said[3:] == ["woken", "called"])
    assert "ZeroDivisionError" in capfd.readouterr().out


def test_a_handler_that_fails_is_removed_and_no_other_is(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loop, read = Loop(), []
    bad, to_bad = os.pipe()
    good, to_good = os.pipe()
    loop.watch(bad, READ, lambda events: read.append(1 // 0))  # type: ignore[func-returns-value]
    loop.watch(good, READ, lambda events: read.append(os.read(good, 10)))  # type: ignore[func-returns-value]
    threading.Thread(target=loop.run, daemon=True).start()
    os.write(to_bad, b"x")
    os.write(to_good, b"y")
    assert soon(lambda: read == [b"y"] and not loop.watches(bad))
    assert capfd.readouterr().out.count("ZeroDivisionError") == 1
