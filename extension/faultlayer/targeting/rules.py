"""One fault with its options, and how many injections are left of it."""

from __future__ import annotations

from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.events.match import Match
    from faultlayer.targeting.limit_file import Count
    from faultlayer.vocabulary.registry import Fault, Options


class Limit:
    """How many injections are left. Rules of successive plans that say the same share one.

    `count` keeps how many there were, for this process's successor in the same environment.
    """

    __slots__ = ("_count", "_lock", "_maximum", "left")

    def __init__(self, maximum: int, count: Count | None = None) -> None:
        self._maximum = maximum
        self._count = count
        self.left = maximum if count is None else max(maximum - count.used, 0)
        self._lock = allocate_lock()

    def claim(self) -> bool:
        """Count one injection; false where none is left. Safe between threads."""
        with self._lock:
            if self.left == 0:
                return False
            self.left -= 1
            if self._count is not None:
                self._count.save(self._maximum - self.left)
            return True

    def give_back(self) -> None:
        """Uncount an injection that did not come to pass."""
        with self._lock:
            self.left += 1
            if self._count is not None:
                self._count.save(self._maximum - self.left)


class Rule:
    """One fault with its options, its rate (0 to 1), its limit and its match (None: none).

    `nth`: which of this fault's rules it is. With a seed each of them draws its own numbers.
    """

    __slots__ = ("decide", "fault", "limit", "lot", "match", "options", "rate")

    def __init__(
        self,
        fault: Fault,
        options: Options,
        rate: float = 1.0,
        limit: Limit | None = None,
        match: Match | None = None,
        nth: int = 1,
    ) -> None:
        self.fault = fault
        self.options = options
        self.rate = rate
        self.match = match
        self.lot = fault.name if nth == 1 else f"{fault.name}#{nth}"
        self.decide = fault.decide
        self.limit = limit

    def claim(self) -> bool:
        """Count one injection; false where the limit is reached. Safe between threads."""
        return self.limit is None or self.limit.claim()

    def give_back(self) -> None:
        """Uncount an injection that did not come to pass."""
        if self.limit is not None:
            self.limit.give_back()
