"""The present effect of the plan at a place, judged by the code that reads it in Lambda."""

from __future__ import annotations

import time
from enum import Enum

from faultlayer.faults import find_fault
from faultlayer.jsontext import loads, unmarked
from faultlayer.settings import plan as reader
from faultlayer.settings.configuration import Configuration
from faultlayer.settings.draft import Plan

DISARMED = '{"faults":[],"disabled":true}'
_MARKS = {"faults", "faultlayer", "failureMode"}  # members that only plans have


class PlanState(Enum):
    """The effect of a plan, in a word."""

    ARMED = "armed"
    WAITING = "not yet"
    DRY_RUN = "dry run"
    OVER = "over"
    DISABLED = "disabled"
    EMPTY = "empty"
    WRONG = "wrong"  # the functions keep the plan that they had

    @property
    def dangerous(self) -> bool:
        """True if functions may be injecting faults by it, or will be."""
        return self in (PlanState.ARMED, PlanState.WAITING, PlanState.WRONG)

    @property
    def shown(self) -> bool:
        """True if the faults of the plan matter to its readers now, or will."""
        return self in (PlanState.ARMED, PlanState.WAITING, PlanState.DRY_RUN)


def is_plan(text: str) -> bool:
    """True if this text is a plan, was one before a mistake came into it, or is empty."""
    try:
        value = loads(unmarked(text))
    except (ValueError, RecursionError):
        return not text.strip() or "faults" in text
    if not isinstance(value, dict):
        return False
    if not value or not _MARKS.isdisjoint(value) or any(map(find_fault, value)):
        return True
    plan = reader.read(text)
    flags = all(isinstance(inner, dict) for inner in value.values())
    return bool(plan.drafts) or not (plan.problems or flags)


def judge(text: str) -> tuple[PlanState, Plan]:
    """Judge a plan's text as the extension would now."""
    plan = reader.read(text)
    rule_set = Configuration().rule_set(plan)
    now = time.time()
    if plan.stopped:
        return PlanState.WRONG, plan
    if plan.settings.disabled:
        return PlanState.DISABLED, plan
    if rule_set is None:
        return PlanState.WRONG if plan.problems else PlanState.EMPTY, plan
    if rule_set.is_over(now):
        return PlanState.OVER, plan
    if rule_set.dry_run:
        return PlanState.DRY_RUN, plan
    waiting = rule_set.start is not None and rule_set.start > now
    return (PlanState.WAITING if waiting else PlanState.ARMED), plan
