"""When faults end by themselves: an hour from now, unless the user says otherwise.

So nobody leaves faults behind by forgetting them. No end is added with `--forever`, to a plan that
has an end of its own, and to a plan that is fetched live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from faultlayer.values import instant
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.time_span import iso, span
from faultlayer_cli.plans.variables import END, PLAN, Variables

_HOUR = timedelta(hours=1)
_FIELD = "end"  # of a plan
_WHOLE = "faultlayer"  # the flag with the end, if a plan is feature flags


def with_end(document: Mapping[str, Any], end: str) -> dict[str, Any]:
    """The plan with this end instead of its own."""
    whole = document.get(_WHOLE)
    if isinstance(whole, dict) or _are_flags(document):
        return {**document, _WHOLE: {"enabled": True, **(whole or {}), _FIELD: end}}
    return {**document, _FIELD: end}


def end_of(document: Any) -> str:
    """The end of a plan, as it is written; empty if it has none."""
    place = document.get(_WHOLE, document) if isinstance(document, dict) else {}
    end = place.get(_FIELD) if isinstance(place, dict) else None
    return end if isinstance(end, str) else ""


def _are_flags(document: Mapping[str, Any]) -> bool:
    return bool(document) and all(
        isinstance(flag, dict) and "enabled" in flag for flag in document.values()
    )


def of_plan(for_: str | None, until: str | None, forever: bool, text: str) -> Ending:
    """The end that these options give to the plan in this text. Raises Mistake."""
    given = {PLAN: text}
    if until is not None:
        given[END] = until
        for problem in Variables({END: until}).problems:
            raise Mistake(f"--until {problem.message.replace('; nothing is injected', '')}")
    return Ending(for_, until, forever, Variables(given))


@dataclass(frozen=True)
class Ending:
    """The end of the faults in `given`, by at most one of --for, --until and --forever."""

    for_: str | None
    until: str | None
    forever: bool
    given: Variables | None  # checked; None: no fault is given
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def __post_init__(self) -> None:
        if sum((self.for_ is not None, self.until is not None, self.forever)) > 1:
            raise Mistake("the end is given twice; allowed: one of --for, --until and --forever")
        if self.for_ is not None:
            span(self.for_)
            if self.given is None:
                raise Mistake("--for without a fault; allowed: with the faults that are to end")
        if self.until is not None and not self._ahead(self.given.texts[END] if self.given else ""):
            raise Mistake("--until is over already; allowed: a time that is to come")

    @property
    def chosen(self) -> str | None:
        """The end that the user chose, as the variable has it; None if the user chose none."""
        return self._after(span(self.for_)) if self.for_ is not None else self.until

    def _after(self, time: timedelta) -> str:
        return iso(self.now + time)

    def _ahead(self, end: str) -> bool:
        """True if this end, as the variable has it, is still to come."""
        return (Variables({END: end}).end or 0.0) > self.now.timestamp()

    @property
    def due(self) -> bool:
        """True if these variables inject faults, and nothing ends them yet."""
        given = self.given
        if given is None or self.forever or self.chosen is not None:
            return False
        if given.source:
            return False  # it comes with an end of its own, or none, whenever it is armed
        return given.injects and given.planned.end is None

    @property
    def armed(self) -> bool:
        """True if these variables inject faults by themselves, now or later."""
        return self.given is not None and self.given.armed

    @property
    def own(self) -> str:
        """The given plan's own end; empty if it has none."""
        end = self.given.planned.end if self.given else None
        return "" if end is None else instant.show(end)

    @property
    def endless(self) -> bool:
        """True if these variables inject faults, and nothing says when they end.

        A plan in a file may say it, but cannot be read from here. One that is fetched live can be
        disarmed whoever reads it.
        """
        given = self.given
        if given is None or self.chosen is not None or given.idle(self.now.timestamp()):
            return False
        if given.source:
            return given.source.startswith("file:")
        return self.forever and given.armed and given.planned.end is None

    @property
    def added(self) -> Mapping[str, str] | None:
        """The given variables, with an end in an hour if one is due; None if none are given."""
        if self.given is None:
            return None
        texts = self.given.texts
        if self.forever:
            return texts
        if not self.due:
            return {**texts, END: self.chosen} if self.chosen else texts
        return {**texts, END: self._after(_HOUR)}

    def planned(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """This plan with an end, if an end is due or chosen."""
        if not self.due:
            return with_end(document, self.chosen) if self.chosen else dict(document)
        opens = self.given.planned.start if self.given else None
        begins = datetime.fromtimestamp(max(opens or 0.0, self.now.timestamp()), timezone.utc)
        return with_end(document, iso(begins + _HOUR))

    def told(self, ends: Iterable[str]) -> str:
        """One sentence on the end, for before anything is changed; `ends` are the functions'."""
        if self.given is None:
            return "no fault is given: the layer is attached, and the faults that are set stay"
        if self.given.disabled:
            return "the faults are disabled: nothing is injected"
        if not (self.given.source or self.given.injects):
            return "nothing is hit: the rate or the max of each fault is 0, or its end is over"
        if said := ", ".join(sorted(set(ends))):
            more = "; --for, --until or --forever change that" if self.due else ""
            if self.given.only_observes:
                return f"observing ends by itself at {said}{more}"
            return f"the faults end by themselves at {said}{more}"
        return "the faults end with `faultlayer stop` or `faultlayer detach`, or as their plan says"
