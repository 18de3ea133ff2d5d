"""The function's running time, in an environment frozen between invocations.

    event ──> runs ──> result, poll: waits ──> (frozen, for any time) ──> event ──> runs

It runs unless all runtimes wait for Lambda. No timer is needed: the time is added up whenever a
runtime begins to wait. A clock that jumps adds no more than the longest invocation.
"""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from faultlayer.values.kinds import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 60.0  # seconds of running time between two sums


def _nothing() -> None:
    pass


class RunningTime:
    """Seconds of running time since `restart`.

    Any thread may report waits.

    `ring` is called when a runtime begins to wait and a period is over.
    """

    __slots__ = ("_lock", "_runtimes", "_seconds", "_since", "_waiting", "ring")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._runtimes = 1  # the most that ever waited at once: one, or all workers of an instance
        self._waiting = 0
        self._seconds = 0.0
        self._since: float | None = monotonic()  # None: the function does not run
        self.ring: Callable[[], None] = _nothing

    def waits(self) -> None:
        """Note that a runtime begins to wait for Lambda."""
        with self._lock:
            self._waiting += 1
            self._runtimes = max(self._runtimes, self._waiting)
            self._add()
            if self._waiting == self._runtimes:
                self._since = None
            over = self._seconds >= PERIOD
        if over:
            self.ring()

    def goes_on(self) -> None:
        """Note that a runtime waits no longer.

        Lambda has answered it, or its connection has ended.
        """
        with self._lock:
            self._waiting -= 1
            if self._since is None:
                self._since = monotonic()

    def _add(self) -> None:
        if self._since is not None:
            now = monotonic()
            self._seconds += min(max(now - self._since, 0.0), LONGEST)
            self._since = now

    @property
    def seconds(self) -> float:
        """The running time since the last restart."""
        with self._lock:
            self._add()
            return self._seconds

    @property
    def is_period_over(self) -> bool:
        """True if a period has passed since the last restart."""
        return self.seconds >= PERIOD

    def restart(self) -> None:
        """Begin a new period."""
        with self._lock:
            self._add()
            self._seconds = 0.0
