"""The configuration: what variables and plan say together, and the rules that follow from it."""

from __future__ import annotations

from faultlayer.settings.draft import ends_before_start
from faultlayer.vocabulary.registry import PREFIX, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from faultlayer.settings.draft import Draft, Plan
    from faultlayer.settings.sources import Source
    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.limit_file import Count, Counts
    from faultlayer.targeting.rules import Limit, Rule
    from faultlayer.vocabulary.registry import Fault

_MATCH = "MATCH"
_MOST_SAID = 20  # problems of one plan that are logged
_POLL = 10.0  # seconds
PLAN = PREFIX + "PLAN"


class Problem:
    """What is wrong with one variable; `allowed` is part of the message."""

    __slots__ = ("message", "variable")

    def __init__(self, variable: str, message: str) -> None:
        self.variable = variable
        self.message = message


class Config:
    """The configuration: the aim (None: nothing to inject), the proxy's port and upstream.

    `values` and `drafts` are what the variables alone say, `plan` what they name (None: none),
    `source` where that may change (None: it cannot, or nothing could be injected anyhow).
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.aim: Chooser | None = None
        self.port = 9747
        self.upstream: tuple[str, int] | None = None
        self.values: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.plan: Plan | None = None
        self.source: Source | None = None
        self.found: str | bytes | None = None  # what was read there at the start
        self.failing: str | None = None  # why that is no plan
        self.stopped = False  # by a mistake in what limits all faults
        self.kept: bytes | None = None  # the file that keeps what limits have counted
        self._counts: Counts | None = None
        self._limits: dict[tuple[str, ...], Limit] = {}

    @property
    def poll(self) -> float:
        """How old, in seconds, a plan may become before it is read anew."""
        seconds: float = self.values.get("POLL", _POLL)
        return seconds

    def aimed(self, plan: Plan | None) -> Chooser | None:
        """What the variables and this plan aim at together; None where nothing can be hit.

        Their rules add up; of what holds for all rules, the variables' say wins. What a rule may
        still inject is kept for as long as each plan has that rule.
        """
        values = {**plan.values, **self.values} if plan else self.values
        rules: list[Rule] = []
        counts: dict[str, int] = {}
        limits: dict[tuple[str, ...], Limit] = {}
        for fault, given in self.drafts + (plan.drafts if plan else []):
            nth = counts[fault.name] = counts.get(fault.name, 0) + 1
            if given is not None:
                limit = self._limit(fault, given, limits)
                rules += _rule(fault, given, values, limit, nth)
        if self._counts is not None:
            for key in self._limits.keys() - limits.keys():
                self._counts.forget(key)
        self._limits = limits
        stopped = self.stopped or (plan is not None and plan.stopped)
        stopped = stopped or (plan is None and self.source is not None)
        if stopped or values.get("DISABLED") or ends_before_start(values) or not rules:
            return None
        from faultlayer.targeting.choose import Chooser  # not for an idle layer

        return Chooser(
            rules,
            values.get("SEED"),
            dry_run=values.get("DRY_RUN", False),
            start=values.get("START"),
            end=values.get("END"),
        )

    def _limit(
        self, fault: Fault, given: dict[str, Any], limits: dict[tuple[str, ...], Limit]
    ) -> Limit | None:
        """The limit of this rule, as it was left where the rule is not new."""
        if given["max"] is None:
            return None
        key: tuple[str, ...] = (fault.name,)
        for option in fault.variables().values():
            value = given[option.name]
            key += ("",) if value is None else ("=", option.kind.show(value))
        while key in limits:  # the same rule once more
            key += ("",)
        from faultlayer.targeting.rules import Limit

        limits[key] = self._limits.get(key) or Limit(given["max"], self._count(key))
        return limits[key]

    def _count(self, key: tuple[str, ...]) -> Count | None:
        """How often this rule has hit already, in an earlier life of this environment."""
        if self.kept is None:
            return None
        if self._counts is None:
            from faultlayer.targeting.limit_file import Counts

            self._counts = Counts(self.kept)
        return self._counts.of(key)

    def conflict(self, plan: Plan) -> tuple[str, str] | None:
        """The variable, and what is to say of it, where its window leaves this plan's no time."""
        if plan.stopped or not ends_before_start({**plan.values, **self.values}):
            return None
        name, other = "END", "after the start"
        if name not in self.values:
            name, other = "START", "before the end"
        return PREFIX + name, f"is not {other} that {PLAN} says; allowed: a time {other}"

    def idle(self, now: float) -> bool:
        """Whether the variables alone say that nothing is injected from now on, by any plan."""
        end = self.values.get("END")
        over = end is not None and end <= now
        return self.stopped or bool(self.values.get("DISABLED")) or over


def told(plan: Plan) -> list[Problem]:
    """What is to say of the plan's problems, where there are many not of all."""
    said = [problem.said() for problem in plan.problems]
    if len(said) > _MOST_SAID:
        said[_MOST_SAID:] = [f"has {len(said) - _MOST_SAID} more problems"]
    return [Problem(PLAN, message) for message in said]


def wrong_with(plan: Plan) -> str:
    """The first mistake of a plan that stops all of it."""
    problem = next(problem for problem in plan.problems if problem.limiting)
    return f"{problem.field} {problem.message}".lstrip()


def _rule(
    fault: Fault, given: dict[str, Any], common: Mapping[str, Any], limit: Limit | None, nth: int
) -> list[Rule]:
    values = dict(given)
    rate, maximum, match = values.pop("rate"), values.pop("max"), values.pop("match", None)
    if rate is None:
        rate = common.get("RATE", 1.0)
    if match is None:
        match = common.get(_MATCH)
    if rate == 0 or maximum == 0:
        return []  # it can never hit, so it must cost nothing
    if fault.begin is not None and match is not None:
        return []  # hitting without a match would be more than was asked for
    from faultlayer.targeting.rules import Rule

    return [Rule(fault, Options(values), rate, limit, match, nth)]
