"""Things that invocations hold together: each is released when no invocation needs it any more.

acting ──take(request, holder)──> space | held_memory | busy_cores ──> release, numbers
"""

from __future__ import annotations

import posix
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Holder(Protocol):
        """The invocation for which something is held.

        `runtime_api`: the address (host:port) that the runtime was given. `until`: when Lambda
        ends the invocation at the latest, by the monotonic clock.
        """

        runtime_api: bytes
        until: float

    # How to release what was taken, and the numbers for its line of the log. Taking raises OSError,
    # or ValueError that says why, if there is nothing to be had.
    Taken = tuple[Callable[[], None], dict[str, Any]]
    Take = Callable[[Any, Holder], Taken]


class Shares:
    """Things of one kind that invocations hold, each for as long as any of them needs it.

    With `leave_free` an invocation needs the things that others hold already as well. It measures,
    and takes the rest, while it has the lock `alone`.
    """

    def __init__(self, release: Callable[[Any], None]) -> None:
        self.alone = allocate_lock()
        self._release = release
        self._lock = allocate_lock()
        self._needs: dict[Any, list[int]] = {}  # how many bytes, and how many invocations

    def join(self) -> tuple[list[Any], int]:
        """Need all that is held already; return these things, and how many bytes they hold."""
        with self._lock:
            for need in self._needs.values():
                need[1] += 1
            return list(self._needs), sum(need[0] for need in self._needs.values())

    def add(self, thing: Any, held: int) -> None:
        """Need this new thing, which holds so many bytes."""
        with self._lock:
            self._needs[thing] = [held, 1]

    def leave(self, things: list[Any]) -> None:
        """Need these no longer; release those that no invocation needs."""
        done = []
        with self._lock:
            for thing in things:
                self._needs[thing][1] -= 1
                if not self._needs[thing][1]:
                    del self._needs[thing]
                    done.append(thing)
        for thing in done:
            self._release(thing)


SPACE = Shares(posix.close)  # files, by their descriptors
MEMORY = Shares(lambda process: process.stop())  # processes
