"""A runtime that asks Lambda itself: found by its connection, and by what Lambda gives it alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fakes.proxied import soon
from faultlayer.environment import bypass
from faultlayer.environment.bypass import Lookout, asks_directly
from faultlayer.startup.relay import READABLE, Loop

ASK = """
import socket, sys
family, port = sys.argv[1], int(sys.argv[2])
sock = socket.socket(getattr(socket, family))
sock.connect(("127.0.0.1" if family == "AF_INET" else "::ffff:127.0.0.1", port))
print("asks", flush=True)
sys.stdin.readline()
"""


@contextmanager
def process(port: int, family: str = "AF_INET", **environ: str) -> Iterator[None]:
    """A process that has a connection to this port of loopback."""
    with subprocess.Popen(
        [sys.executable, "-c", ASK, family, str(port)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == b"asks\n"
        yield
        asking.communicate(b"\n")


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_a_runtime_with_a_connection_to_lambda_is_seen(family: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert not asks_directly(address)
        with process(address[1]):
            assert not asks_directly(address), "any other process, as another extension"
        with process(address[1], family, _HANDLER="app.handler"):
            assert asks_directly(address)
            assert not asks_directly((address[0], address[1] - 1))


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop whose turns end at once: something is always ready."""
    found = Loop()
    ready, wake = os.pipe()
    os.write(wake, b"x")
    found.add(ready, READABLE, lambda: None)
    yield found
    os.close(ready)
    os.close(wake)


def turned(loop: Loop, seen: list[int]) -> list[int]:
    loop.turn()
    return seen


def test_it_is_said_once_and_only_of_one_that_did_not_come(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, looks, said = [False, False, True], [0], []  # type: ignore[var-annotated]

    def asks(address: tuple[str, int]) -> bool:
        looks[0] += 1
        return answers.pop(0) if answers else False

    monkeypatch.setattr(bypass, "asks_directly", asks)
    lookout = Lookout(loop, ("127.0.0.1", 9001), lambda: False, lambda: said.append(1))
    assert soon(lambda: turned(loop, said))
    lookout.finish()
    assert (said, looks) == ([1], [3])
    came: list[bool] = []
    Lookout(loop, ("127.0.0.1", 9001), lambda: bool(came), lambda: said.append(2))
    assert soon(lambda: turned(loop, looks) and looks[0] > 4)
    came.append(True)
    before = looks[0]
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        loop.turn()
    assert (said, looks[0]) == ([1], before), "nobody is looked for any more"


def test_an_address_that_is_a_name_is_not_looked_for(loop: Loop) -> None:
    said: list[int] = []
    lookout = Lookout(loop, ("localhost", 9001), lambda: False, lambda: said.append(1))
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        loop.turn()
    assert said == []
    lookout.finish()
    assert said == [1]
