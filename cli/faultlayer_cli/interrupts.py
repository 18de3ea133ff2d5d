"""Ctrl-C and other requests to end, handled in one way by all that must not be cut short."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def handled(handler: Callable[[int], None]) -> Iterator[None]:
    """Call this function for requests that arrive meanwhile; it may raise.

    Signals reach only the main thread: in others nothing changes.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        handler(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, handle) for number in REQUESTS]
    try:
        yield
    finally:
        for number, old in zip(REQUESTS, before, strict=True):
            signal.signal(number, old)


def raised() -> contextlib.AbstractContextManager[None]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does, by way of every `finally`."""

    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    return handled(interrupt)


def ignore() -> None:
    """Ignore requests from now on: cleaning up must not be left half done."""
    for number in REQUESTS:
        signal.signal(number, signal.SIG_IGN)
