"""What the plan at a place does now, judged by the code that reads it in Lambda."""

from __future__ import annotations

import time
from enum import Enum

from faultlayer.settings import plan as reader
from faultlayer.settings.configuration import Config
from faultlayer.settings.draft import Plan

DISARMED = '{"faults":[],"disabled":true}'


class State(Enum):
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
        return self in (State.ARMED, State.WAITING, State.WRONG)


def judge(text: str) -> tuple[State, Plan]:
    """Judge a plan's text as the extension would now."""
    plan = reader.read(text)
    aim = Config().aimed(plan)
    now = time.time()
    if plan.stopped:
        return State.WRONG, plan
    if plan.values.get("DISABLED"):
        return State.DISABLED, plan
    if aim is None:
        return State.WRONG if plan.problems else State.EMPTY, plan
    if aim.over(now):
        return State.OVER, plan
    if aim.dry_run:
        return State.DRY_RUN, plan
    return (State.WAITING if plan.values.get("START", now) > now else State.ARMED), plan
