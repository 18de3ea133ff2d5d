"""Limits: how many injections each rule may still make, kept from plan to plan.

    LimitBook ── one Limit for each rule with a `max` ── Count ──> limit file

Loaded only if a rule has a `max`. A rule is known by its fault and all its options: the same rule
of the next plan keeps its limit, and a rule that no plan has any more is forgotten.
"""

from __future__ import annotations

from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from faultlayer.targeting.limit_file import Count, Counts
    from faultlayer.vocabulary.registry import Fault

    Key = tuple[str, ...]


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


class LimitBook:
    """The limits of the rules in force, and their counts in the file at `path` (None: no file)."""

    def __init__(self, path: bytes | None) -> None:
        self._path = path
        self._counts: Counts | None = None
        self._limits: dict[Key, Limit] = {}

    def limits(self, rules: Iterable[tuple[Fault, dict[str, Any]]]) -> list[Limit | None]:
        """Give each of these rules its limit, as far as it is used up; forget all other rules."""
        limits: dict[Key, Limit] = {}
        found: list[Limit | None] = []
        for fault, options in rules:
            maximum = options["max"]
            if maximum is None:
                found.append(None)
                continue
            key = _key(fault, options)
            while key in limits:  # the same rule once more
                key += ("",)
            limits[key] = self._limits.get(key) or Limit(maximum, self._count(key))
            found.append(limits[key])
        if self._counts is not None:
            for key in self._limits.keys() - limits.keys():
                self._counts.forget(key)
        self._limits = limits
        return found

    def _count(self, key: Key) -> Count | None:
        """How often this rule has hit already, in an earlier process of this environment."""
        if self._path is None:
            return None
        if self._counts is None:
            from faultlayer.targeting.limit_file import Counts

            self._counts = Counts(self._path)
        return self._counts.of(key)


def _key(fault: Fault, options: dict[str, Any]) -> Key:
    key: Key = (fault.name,)
    for option in fault.variables().values():
        value = options[option.name]
        key += ("",) if value is None else ("=", option.kind.show(value))
    return key
