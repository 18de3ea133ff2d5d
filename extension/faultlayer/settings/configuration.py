"""The result of reading: settings, rules, the first plan or why there is none, and its source.

settings ─┐
drafts ───┼─> rules, each with its limit from the limit book ──> RuleSet ──> Chooser
plan ─────┘   (again for each plan that a source has)
"""

from __future__ import annotations

from time import time

from faultlayer.settings.draft import Settings
from faultlayer.vocabulary.registry import PREFIX, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from faultlayer.settings.draft import Draft, Plan
    from faultlayer.settings.sources import Source
    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.limits import Limit, LimitBook
    from faultlayer.targeting.rules import Rule, RuleSet
    from faultlayer.vocabulary.registry import Fault

    GoodDraft = tuple[Fault, dict[str, Any]]

_OVER = "is in the past: nothing is injected any more"
_MOST_LOGGED = 20  # problems of one plan
PLAN = PREFIX + "PLAN"


class Problem:
    """A mistake in one variable. `message`: the mistake, the allowed values, the consequence."""

    __slots__ = ("message", "variable")

    def __init__(self, variable: str, message: str) -> None:
        self.variable = variable
        self.message = message


class FirstPlan:
    """The plan that the variables name, as far as it is known before the first event.

    - `plan`: None if there is none, or none that can be used
    - `source`: the place to read it from again; None if it cannot change
    - `found`: the source's content; None if it was not read
    - `failure`: why the content is no plan; None if it is one, or was not read
    """

    __slots__ = ("failure", "found", "plan", "source")

    def __init__(
        self,
        plan: Plan | None = None,
        source: Source | None = None,
        found: str | bytes | None = None,
        failure: str | None = None,
    ) -> None:
        self.plan = plan
        self.source = source
        self.found = found
        self.failure = failure


class Configuration:
    """The variables, as read, and the plan that they name.

    - `settings`, `drafts`: those of the variables alone
    - `plan`, `source`, `found`, `failure`: as in `FirstPlan`; without a `source` too if no plan
      could inject anything
    - `stopped`: a mistake in a variable that limits all faults leaves none in force
    - `over`: the end that has come, as a problem of its variable; None if there is none
    - `chooser`: of the rules in force at the start; None if there is nothing to inject or observe
    """

    def __init__(
        self,
        settings: Settings | None = None,
        drafts: Iterable[Draft] = (),
        first: FirstPlan | None = None,
        *,
        stopped: bool = False,
        problems: Iterable[Problem] = (),
        limit_file: bytes | None = None,
    ) -> None:
        first = first or FirstPlan()
        self.settings = settings or Settings({})
        self.drafts = list(drafts)
        self.stopped = stopped
        self.problems = list(problems)
        self.plan = first.plan
        self.found = first.found
        self.failure = first.failure
        self._limit_file = limit_file
        self._limit_book: LimitBook | None = None
        now = time()
        self.source = None if self.is_idle(now) else first.source
        rules = self.drafts or first.source or (first.plan is not None and first.plan.drafts)
        observes = self.merged(first.plan).observe
        self.over = self.ended(first.plan, now) if rules or observes else None
        self.chooser: Chooser | None = None
        chooser = self.chooser_for(first.plan)
        # A window that is over needs no proxy: a clock that jumps back finds nothing to hit.
        if chooser is not None and (self.source is not None or not chooser.rule_set.is_over(now)):
            self.chooser = chooser

    @property
    def is_armed(self) -> bool:
        """True if something may be injected or observed, now or later."""
        return self.chooser is not None or self.source is not None

    def disarm(self) -> None:
        """Inject nothing: the start went wrong."""
        self.chooser = self.source = None

    def is_idle(self, now: float) -> bool:
        """True if the variables alone say that no plan injects anything from now on."""
        end = self.settings.end
        return self.stopped or bool(self.settings.disabled) or (end is not None and end <= now)

    def ended(self, plan: Plan | None, now: float) -> Problem | None:
        """The end that has come, of the variables or of this plan; None if there is none."""
        end = self.merged(plan).end
        if end is None or end > now:
            return None
        if self.settings.end is not None:
            return Problem(PREFIX + "END", _OVER)
        return Problem(PLAN, "end " + _OVER)

    def pauses(self, now: float) -> list[str]:
        """The settings by which no rule hits at this time (seconds since the epoch), in words."""
        settings = self.merged(self.plan)
        reasons = ["the kill switch is on"] if settings.disabled else []
        start, end = settings.start, settings.end
        if (start is None or start <= now) and (end is None or now < end):
            return reasons
        from faultlayer.values.instant import show  # for people alone

        if start is not None and now < start:
            reasons.append(f"it starts at {show(start)}")
        if end is not None and now >= end:
            reasons.append(f"it ended at {show(end)}")
        return reasons

    def merged(self, plan: Plan | None) -> Settings:
        """The settings that hold with this plan."""
        return self.settings.over(plan.settings) if plan else self.settings

    def chooser_for(self, plan: Plan | None) -> Chooser | None:
        """A chooser for the variables and this plan; None as in `rule_set`."""
        rule_set = self.rule_set(plan)
        if rule_set is None:
            return None
        from faultlayer.targeting.choose import Chooser  # not for an idle layer

        return Chooser(rule_set)

    def rule_set(self, plan: Plan | None) -> RuleSet | None:
        """The rules of the variables and of this plan together.

        None if nothing can be hit, and nothing is observed. A rule that the last plan had too keeps
        its limit.
        """
        settings = self.merged(plan)
        drafts = self.drafts + (plan.drafts if plan else [])
        good = [(fault, options) for fault, options in drafts if options is not None]
        rules = rules_of(settings, drafts, self._limits(good))
        stopped = self.stopped or (plan is not None and plan.stopped)
        stopped = stopped or (plan is None and self.source is not None)
        if stopped or settings.disabled or settings.ends_before_start:
            return None
        if not rules and not settings.observe:
            return None
        from faultlayer.targeting.rules import RuleSet

        return RuleSet(
            rules,
            settings.seed,
            dry_run=bool(settings.dry_run),
            start=settings.start,
            end=settings.end,
            observed=settings.observe or (),
        )

    def _limits(self, drafts: list[GoodDraft]) -> list[Limit | None]:
        """The limit of each of these rules; the limit book is made for the first that has one."""
        if self._limit_book is None:
            if all(options["max"] is None for _, options in drafts):
                return [None] * len(drafts)
            from faultlayer.targeting.limits import LimitBook

            self._limit_book = LimitBook(self._limit_file)
        return self._limit_book.limits(drafts)


def window_conflict(settings: Settings, plan: Plan) -> Problem | None:
    """The variable whose window leaves this plan no time; None if there is time."""
    if plan.stopped or not settings.over(plan.settings).ends_before_start:
        return None
    name, other = "END", "after the start"
    if settings.end is None:
        name, other = "START", "before the end"
    message = f"is not {other} in {PLAN}; allowed: a time {other}"
    return Problem(PREFIX + name, message)


def plan_problems(plan: Plan) -> list[Problem]:
    """The plan's problems, at most 20 of them one by one."""
    said = [problem.said() for problem in plan.problems]
    if len(said) > _MOST_LOGGED:
        said[_MOST_LOGGED:] = [f"has {len(said) - _MOST_LOGGED} more problems"]
    return [Problem(PLAN, message) for message in said]


def stopping_problem(plan: Plan) -> str:
    """The first mistake that stops the whole plan."""
    problem = next(problem for problem in plan.problems if problem.limiting)
    return f"{problem.field} {problem.message}".lstrip()


def rules_of(
    settings: Settings, drafts: Iterable[Draft], limits: Iterable[Limit | None] = ()
) -> list[Rule]:
    """The rules that can hit, of these drafts. `limits`: one for each draft without a mistake."""
    rules = []
    numbers: dict[str, int] = {}
    left = iter(limits)
    for fault, options in drafts:
        number = numbers[fault.name] = numbers.get(fault.name, 0) + 1
        if options is not None:
            rules += _rule(settings, fault, options, next(left, None), number)
    return rules


def _rule(
    settings: Settings, fault: Fault, options: dict[str, Any], limit: Limit | None, number: int
) -> list[Rule]:
    values = dict(options)
    rate, maximum, match = values.pop("rate"), values.pop("max"), values.pop("match", None)
    if rate is None:
        rate = 1.0 if settings.rate is None else settings.rate
    if match is None:
        match = settings.match
    if rate == 0 or maximum == 0:
        return []  # it can never hit, so it must cost nothing
    if fault.begin is not None and match is not None:
        return []  # hitting without a match would be more than was asked for
    from faultlayer.targeting.rules import Rule

    return [Rule(fault, Options(values), rate, limit, match, number)]
