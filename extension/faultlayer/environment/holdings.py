"""Things that invocations hold together: each given back once nobody needs it any more."""

from __future__ import annotations

import posix
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Shares:
    """Things of one kind that invocations hold, each for as long as any of them needs it.

    One that wants so much to be *left* needs what others hold already as well: who measures, and
    takes what is above that, does it `alone`.
    """

    def __init__(self, give_back: Callable[[Any], None]) -> None:
        self.alone = allocate_lock()
        self._give_back = give_back
        self._lock = allocate_lock()
        self._needs: dict[Any, list[int]] = {}  # how many bytes, and how many invocations

    def join(self) -> tuple[list[Any], int]:
        """Need all that is held already; these things, and how many bytes they hold."""
        with self._lock:
            for need in self._needs.values():
                need[1] += 1
            return list(self._needs), sum(need[0] for need in self._needs.values())

    def add(self, thing: Any, held: int) -> None:
        """Need this one, too, which is new."""
        with self._lock:
            self._needs[thing] = [held, 1]

    def leave(self, things: list[Any]) -> None:
        """Need these no longer; give back what nobody needs."""
        done = []
        with self._lock:
            for thing in things:
                self._needs[thing][1] -= 1
                if not self._needs[thing][1]:
                    del self._needs[thing]
                    done.append(thing)
        for thing in done:
            self._give_back(thing)


SPACE = Shares(posix.close)  # files, by their descriptors
MEMORY = Shares(lambda burden: burden.stop())  # processes
