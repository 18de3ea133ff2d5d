"""Ctrl-C and the other requests to end, handled alike wherever something must not be cut short."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def handled(handler: Callable[[int], None]) -> Iterator[None]:
    """Gives the requests that arrive meanwhile to this function, which may raise.

    No signal reaches any thread but the first: in others nothing changes.
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
    """Makes a request to terminate end us as Ctrl-C does, by way of every `finally`."""

    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    return handled(interrupt)


def ignore() -> None:
    """Ignores the requests from now on: what is being put away is not to be left half way."""
    for number in REQUESTS:
        signal.signal(number, signal.SIG_IGN)
