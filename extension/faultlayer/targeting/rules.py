"""A rule: one fault with its options, and how many injections remain of it."""

from __future__ import annotations

from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.events.match import Match
    from faultlayer.targeting.limit_file import Count
    from faultlayer.vocabulary.registry import Fault, Options


class Limit:
    """How many injections remain. The same rule of successive plans keeps its limit.

    `count` keeps how many there were, for the next process in the same environment.
    """

    __slots__ = ("_count", "_lock", "_maximum", "remaining")

    def __init__(self, maximum: int, count: Count | None = None) -> None:
        self._maximum = maximum
        self._count = count
        self.remaining = maximum if count is None else max(maximum - count.used, 0)
        self._lock = allocate_lock()

    def claim(self) -> bool:
        """Count one injection; false if none remains. Safe between threads."""
        with self._lock:
            if self.remaining == 0:
                return False
            self.remaining -= 1
            self._save()
            return True

    def uncount(self) -> None:
        """Take one claim back: its injection did not happen."""
        with self._lock:
            self.remaining += 1
            self._save()

    def _save(self) -> None:
        if self._count is not None:
            self._count.save(self._maximum - self.remaining)


class Rule:
    """One fault with its options, its rate (0 to 1), its limit and its match (None: none).

    `number`: the rule's place among the rules of its fault, from 1. With a seed each rule draws
    numbers of its own, by its `draw_name`.
    """

    __slots__ = ("decide", "draw_name", "fault", "limit", "match", "options", "rate")

    def __init__(
        self,
        fault: Fault,
        options: Options,
        rate: float = 1.0,
        limit: Limit | None = None,
        match: Match | None = None,
        number: int = 1,
    ) -> None:
        self.fault = fault
        self.options = options
        self.rate = rate
        self.match = match
        self.draw_name = fault.name if number == 1 else f"{fault.name}#{number}"
        self.decide = fault.decide
        self.limit = limit

    @property
    def is_used_up(self) -> bool:
        """True if its limit is reached."""
        return self.limit is not None and self.limit.remaining == 0

    def claim(self) -> bool:
        """Count one injection; false if the limit is reached. Safe between threads."""
        return self.limit is None or self.limit.claim()

    def uncount(self) -> None:
        """Take one claim back: its injection did not happen."""
        if self.limit is not None:
            self.limit.uncount()
