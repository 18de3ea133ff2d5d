"""Ctrl-C and other requests to end: handled for as long as something must not be cut short."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from faultlayer_cli import interrupts


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in interrupts.REQUESTS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.REQUESTS)
def test_a_request_is_told_and_the_handler_before_is_put_back(number: signal.Signals) -> None:
    got: list[int] = []
    signal.signal(number, lambda *_: got.append(-1))
    with interrupts.handled(got.append):
        signal.raise_signal(number)
    signal.raise_signal(number)
    assert got == [number, -1]


@pytest.mark.parametrize("number", interrupts.REQUESTS)
def test_each_ends_a_command_by_way_of_every_finally(number: signal.Signals) -> None:
    left = False
    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        try:
            signal.raise_signal(number)
        finally:
            left = True
    assert left


def test_in_another_thread_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with interrupts.handled(lambda number: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_cleaning_up_is_not_left_half_done() -> None:
    code = (
        "import os, signal; from faultlayer_cli import interrupts; interrupts.ignore()\n"
        "for number in interrupts.REQUESTS: os.kill(os.getpid(), number)\n"
        "print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
