"""What a live plan does now, in a word."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from faultlayer.values.kinds import Instant
from faultlayer_cli.plans.state import DISARMED, PlanState, is_plan, judge

RULE = {"fault": "status", "code": 503}


def at(seconds: float) -> str:
    return Instant().show(round(time.time() + seconds))


@pytest.mark.parametrize(
    ("plan", "state"),
    [
        ({"faults": [RULE]}, PlanState.ARMED),
        ({"faults": [RULE], "end": at(3600)}, PlanState.ARMED),
        ({"faults": [RULE], "start": at(3600)}, PlanState.WAITING),
        ({"faults": [RULE], "end": at(-3600)}, PlanState.OVER),
        ({"faults": [RULE], "dry_run": True}, PlanState.DRY_RUN),
        ({"faults": [RULE], "disabled": True}, PlanState.DISABLED),
        ({"faults": []}, PlanState.EMPTY),
        ({}, PlanState.EMPTY),
        ({"faults": [{"fault": "nonsense"}]}, PlanState.WRONG),
        ({"faults": [RULE], "end": "soon"}, PlanState.WRONG),
        ({"faults": [RULE, {"fault": "nonsense"}]}, PlanState.ARMED),
        ([], PlanState.WRONG),
    ],
    ids=range(12),  # their times differ from run to run
)
def test_by_the_code_that_reads_it_in_lambda(plan: Any, state: PlanState) -> None:
    assert judge(json.dumps(plan))[0] is state


def test_what_disarms_is_disabled_and_harmless() -> None:
    state, plan = judge(DISARMED)
    assert (state, plan.problems) == (PlanState.DISABLED, [])
    assert not state.dangerous
    assert judge("no JSON")[0] is PlanState.WRONG


def test_what_may_inject_is_dangerous() -> None:
    assert {state for state in PlanState if state.dangerous} == {
        PlanState.ARMED,
        PlanState.WAITING,
        PlanState.WRONG,
    }, "with a plan that is wrong, functions keep the one that they had"


def test_a_plan_with_a_mistake_is_a_plan_and_other_texts_are_none() -> None:
    plans = (
        DISARMED,
        "",
        "{}",
        '{"faults": [{"fault": "status", "code": 999}]}',
        '{"faults": [',
        '{"rate": 0.5, "dry_run": true}',
        '{"status": {"enabled": true, "code": 999}}',
        '{"status": {"enabled": false}}',
        '{"faultlayer": {"enabled": "no"}}',
    )
    assert [text for text in plans if not is_plan(text)] == []
    others = (
        "a password",
        "a,b",
        "5",
        "[]",
        '{"db":"x"}',
        '{"beta":{"enabled":false}}',
        '"faults"',
    )
    assert [text for text in others if is_plan(text)] == []
