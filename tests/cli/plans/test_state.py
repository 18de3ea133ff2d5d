"""What a live plan does now, in a word."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from faultlayer.values.kinds import Instant
from faultlayer_cli.plans.state import DISARMED, State, judge

RULE = {"fault": "status", "code": 503}


def at(seconds: float) -> str:
    return Instant().show(round(time.time() + seconds))


@pytest.mark.parametrize(
    ("plan", "state"),
    [
        ({"faults": [RULE]}, State.ARMED),
        ({"faults": [RULE], "end": at(3600)}, State.ARMED),
        ({"faults": [RULE], "start": at(3600)}, State.WAITING),
        ({"faults": [RULE], "end": at(-3600)}, State.OVER),
        ({"faults": [RULE], "dry_run": True}, State.DRY_RUN),
        ({"faults": [RULE], "disabled": True}, State.DISABLED),
        ({"faults": []}, State.EMPTY),
        ({}, State.EMPTY),
        ({"faults": [{"fault": "nonsense"}]}, State.WRONG),
        ({"faults": [RULE], "end": "soon"}, State.WRONG),
        ({"faults": [RULE, {"fault": "nonsense"}]}, State.ARMED),
        ([], State.WRONG),
    ],
    ids=range(12),  # their times differ from run to run
)
def test_by_the_code_that_reads_it_in_lambda(plan: Any, state: State) -> None:
    assert judge(json.dumps(plan))[0] is state


def test_what_disarms_is_disabled_and_harmless() -> None:
    state, plan = judge(DISARMED)
    assert (state, plan.problems) == (State.DISABLED, [])
    assert not state.dangerous
    assert judge("no JSON")[0] is State.WRONG


def test_what_may_inject_is_dangerous() -> None:
    assert {state for state in State if state.dangerous} == {
        State.ARMED,
        State.WAITING,
        State.WRONG,
    }, "with a plan that is wrong, functions keep the one that they had"
