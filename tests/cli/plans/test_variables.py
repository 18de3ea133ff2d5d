"""Variables parsed once: what they do, by the extension's own reading."""

from __future__ import annotations

import pytest

from faultlayer_cli.plans.variables import Variables

PLAN = '{"faults":[{"fault":"status","code":503}],"end":"2099-01-01T00:00:00Z"}'


def variables(**texts: str) -> Variables:
    return Variables({f"FAULTLAYER_{name}": text for name, text in texts.items()})


@pytest.mark.parametrize(
    ("found", "rules", "injects", "armed"),
    [
        (variables(), False, False, False),
        (variables(STATUS="503"), True, True, True),
        (variables(STATUS="503", DRY_RUN="true"), True, True, False),
        (variables(STATUS="503", DISABLED="true"), True, False, False),
        (variables(STATUS="503", END="2020-01-01T00:00:00Z"), True, False, False),
        (variables(PLAN=PLAN), True, True, True),
        (variables(PLAN="ssm:/chaos"), False, False, False),
    ],
)
def test_what_they_do(found: Variables, rules: bool, injects: bool, armed: bool):
    assert (found.rules, found.injects, found.armed) == (rules, injects, armed)
    assert found.problems == []


def test_they_are_parsed_once():
    found = variables(STATUS="503")
    assert found.configuration is found.configuration
    assert found == variables(STATUS="503")
    assert found != variables(STATUS="502")


def test_the_plan_in_them_counts():
    found = variables(PLAN=PLAN)
    assert found.end == found.planned.end > 4_000_000_000
    assert found.source is None
    assert variables(PLAN=" ssm:/chaos").source == "ssm:/chaos"
    assert variables(STATUS="503").end is None


def test_others_are_not_faultlayers_own():
    found = Variables({"STAGE": "live", "FAULTLAYER_STATUS": "503"})
    assert found.own == {"FAULTLAYER_STATUS": "503"}
    assert found.texts["STAGE"] == "live"


def test_mistakes_are_problems():
    (problem,) = variables(STATUS="5").problems
    assert problem.variable == "FAULTLAYER_STATUS"
