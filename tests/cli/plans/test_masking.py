"""Secrets in plans and variables are never printed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faultlayer_cli.plans import in_words
from faultlayer_cli.plans.live_plan import describe
from faultlayer_cli.plans.masking import masked_plan, masked_variable
from faultlayer_cli.plans.place import SSM, Found, Place
from faultlayer_cli.plans.variables import Variables

SECRET = "hunter2-\u00e9"
VARIABLES = {"DB_PASSWORD": SECRET, "REGION": None}
RULE = {"fault": "env", "variables": VARIABLES}
PLAN = {"faults": [RULE, {"fault": "status", "code": 503, "body": "sold out"}], "seed": 7}


def test_names_stay_and_values_go() -> None:
    shown = masked_variable("FAULTLAYER_ENV", json.dumps(VARIABLES))
    assert json.loads(shown) == {"DB_PASSWORD": "***", "REGION": None}
    plan = masked_plan(PLAN)
    assert plan == {**PLAN, "faults": [{**RULE, "variables": json.loads(shown)}, PLAN["faults"][1]]}
    assert json.loads(masked_variable("FAULTLAYER_PLAN", json.dumps(PLAN))) == plan


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FAULTLAYER_LATENCY", "300ms"),
        ("FAULTLAYER_ENV", " "),
        ("FAULTLAYER_ENV_RATE", "5%"),
        ("FAULTLAYER_PLAN", "ssm:/chaos/orders"),
        ("FAULTLAYER_PLAN", '{"faults": [{"fault": "status",   "code": 503}]}'),
    ],
)
def test_what_holds_no_secret_is_shown_as_it_is(name: str, text: str) -> None:
    assert masked_variable(name, text) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FAULTLAYER_ENV", SECRET),
        ("FAULTLAYER_ENV", json.dumps({"BASH_ENV": SECRET})),
        ("FAULTLAYER_ENV", json.dumps({"A": {"B": SECRET}})),
        ("FAULTLAYER_PLAN", json.dumps(PLAN)[:-1]),
        ("FAULTLAYER_PLAN", json.dumps({"faults": [{"fault": "env", "variable": VARIABLES}]})),
        ("FAULTLAYER_PLAN", json.dumps({"faults": [{"fault": "env", "variables": SECRET}]})),
        ("FAULTLAYER_PLAN", json.dumps({"faults": [{**RULE, "variables": json.dumps(VARIABLES)}]})),
        ("FAULTLAYER_PLAN", json.dumps({"username": "me", "password": SECRET})),
    ],
)
def test_what_is_wrong_is_masked_too(name: str, text: str) -> None:
    assert "hunter2" not in masked_variable(name, text)


@pytest.mark.parametrize(
    "secret", [{"username": "me", "password": SECRET}, {"db": {"password": SECRET}}, [SECRET], 5]
)
def test_what_is_no_plan_is_not_shown_at_all(secret: Any) -> None:
    assert masked_plan(secret) is None
    live = describe(Place(SSM, "/db"), Found(json.dumps(secret)))
    assert "hunter2" not in f"{live.settings} {live.rules} {live.problems}"


def test_nothing_that_is_said_of_faults_holds_a_value() -> None:
    text = json.dumps(VARIABLES)
    for variables in ({"FAULTLAYER_ENV": text}, {"FAULTLAYER_PLAN": json.dumps(PLAN)}):
        (said, *_) = in_words.each(Variables(variables))
        assert said == 'all cold starts by env {"DB_PASSWORD":"***","REGION":null}'
        assert "hunter2" not in in_words.hits(Variables(variables))
    live = describe(Place(SSM, "/chaos"), Found(json.dumps(PLAN)))
    assert live.rules[0].options == {"variables": '{"DB_PASSWORD":"***","REGION":null}'}
