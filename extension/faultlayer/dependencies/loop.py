"""One thread that waits for all connections of this room, and for points in time.

    watch(fd, handler) ──> handler(events)        at(time, call) ──> call()

A handler that raises is removed with its connection, and no other is touched.
"""

from __future__ import annotations

import posix
import select
from _heapq import heappop, heappush
from time import monotonic, sleep

from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Timer = list[Any]  # the time, a number (no two calls are the same), the call

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
FAILED = select.EPOLLERR
ENDED = select.EPOLLERR | select.EPOLLHUP

_MOST = 256  # events of one round
_PAUSE = 0.05  # seconds that a listener rests


def _nothing() -> None:
    pass


def cancel(timer: Timer) -> None:
    """Do not call it; what its call knows is kept no longer."""
    timer[2] = _nothing


class Loop:
    """Wait for events and timers, and call their handlers.

    Everything but `wake` and `call` belongs to the thread that runs the loop.
    """

    __slots__ = (
        "_asked",
        "_calls",
        "_epoll",
        "_handlers",
        "_number",
        "_wake",
        "_when_woken",
        "_woken",
    )

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._calls: list[Timer] = []
        self._asked: list[Callable[[], None]] = []
        self._number = 0
        self._woken, self._wake = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
        self._when_woken: list[Callable[[], None]] = []
        self.watch(self._woken, READ, self._drain)

    def watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Call the handler when one of these events is there, again and again."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def change(self, fd: int, events: int) -> None:
        """Wait for these events instead."""
        self._epoll.modify(fd, events)

    def watches(self, fd: int) -> bool:
        """True until it is forgotten."""
        return fd in self._handlers

    def forget(self, fd: int) -> None:
        """Watch it no more; it is to be closed only then."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def rest(self, fd: int) -> None:
        """Ignore a listener for a moment: its next connection lacks a descriptor."""
        handler = self._handlers[fd]

        def wake() -> None:
            if self._handlers.get(fd) is handler:
                self.change(fd, READ)

        self.change(fd, 0)
        self.at(monotonic() + _PAUSE, wake)

    def at(self, time: float, call: Callable[[], None]) -> Timer:
        """Call a function once at a monotonic time, unless it is cancelled."""
        self._number += 1
        timer: Timer = [time, self._number, call]
        heappush(self._calls, timer)
        return timer

    def when_woken(self, call: Callable[[], None]) -> None:
        """Call this in the loop's thread after each `wake`."""
        self._when_woken.append(call)

    def wake(self) -> None:
        """End the wait; safe from any thread."""
        try:
            posix.write(self._wake, b"\0")
        except BlockingIOError:  # it is awake enough
            pass

    def call(self, call: Callable[[], None]) -> None:
        """Call a function once in the loop's thread; any thread may ask."""
        self._asked.append(call)
        self.wake()

    def _drain(self, events: int) -> None:
        posix.read(self._woken, 4096)
        while self._asked:
            self.at(0, self._asked.pop(0))
        for call in self._when_woken:
            try:
                call()
            except Exception as error:  # the others are called, and this one again
                emit("error", "internal_error", message=type(error).__name__)

    def run(self) -> None:
        """Wait and call, for ever."""
        handlers, calls = self._handlers, self._calls
        while True:
            timeout = max(0.0, calls[0][0] - monotonic()) if calls else -1
            try:
                ready = self._epoll.poll(timeout, _MOST)
            except MemoryError:
                sleep(_PAUSE)
                continue
            for fd, events in ready:
                handler = handlers.get(fd)
                if handler is None:  # closed by a handler of this round
                    continue
                try:
                    handler(events)
                except Exception as error:
                    emit("error", "internal_error", message=type(error).__name__)
                    self.forget(fd)
            now = monotonic()
            while calls and calls[0][0] <= now:
                try:
                    heappop(calls)[2]()
                except Exception as error:
                    emit("error", "internal_error", message=type(error).__name__)
