"""At most so many changes a minute: each change waits for its turn, and an interrupt ends that.

An update replaces a function's execution environments, so many at once are many cold starts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Turns at equal distances; safe to use from several threads. None: all at once."""

    def __init__(
        self, per_minute: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._distance = 60 / per_minute if per_minute else 0.0  # seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock()

    def take_turn(self, wait: Callable[[float], bool]) -> bool:
        """Wait for the next turn; false if the waiting was ended.

        `wait` waits for so many seconds, and returns true if it was interrupted.
        """
        if not self._distance:
            return True
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._distance
        return not (turn > now and wait(turn - now))

    def told(self, count: int) -> str:
        """How long so many changes take; empty if they wait for nothing."""
        seconds = self._distance * (count - 1)
        if seconds <= 0:
            return ""
        long = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f"{count} changes at {60 / self._distance:.0f} a minute take {long}"
