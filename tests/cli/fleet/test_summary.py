"""The last sentence of attach: the share, the invocations, the fault, the end, how to stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faultlayer_cli.aws.account import function
from faultlayer_cli.fleet.change import EXEC_WRAPPER, NEXT_WRAPPER, WRAPPER, Change
from faultlayer_cli.fleet.rollout import Outcome, Result
from faultlayer_cli.fleet.summary import sentence

ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012"
STOP = "faultlayer stop orders --region eu-west-1"


def result(name: str = "orders", outcome: Outcome = Outcome.CHANGED, **texts: str) -> Result:
    made = function({"FunctionName": name, "FunctionArn": f"{ACCOUNT}:function:{name}"})
    variables = {f"FAULTLAYER_{key}": text for key, text in texts.items()}
    return Result(name, outcome, change=Change(made, (), {EXEC_WRAPPER: WRAPPER} | variables))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"LATENCY": "300ms", "LATENCY_RATE": "20%"},
         "20% of the invocations of orders are hit by latency 300ms, without an end"),
        ({"STATUS": "503", "DRY_RUN": "true"},
         "nothing is injected, there are only log lines: all invocations of orders would be hit "
         "by status 503, without an end"),
        ({"PLAN": "ssm:/chaos/orders"},
         "nothing is injected in orders: ssm:/chaos/orders is not read without the layer "
         "AWS-Parameters-and-Secrets-Lambda-Extension"),
        ({"STATUS": "503", "DISABLED": "true"},
         "nothing is injected in orders: FAULTLAYER_DISABLED is set"),
        ({}, "nothing is injected in orders: no fault is set"),
        ({"STATUS": "503", "RATE": "0"},
         "nothing is injected in orders: its rate or its max is 0, or its end is over"),
        ({"STATUS": "503", "END": "2020-01-01T00:00:00Z"},
         "nothing is injected in orders: its end is over"),
    ],
)  # fmt: skip
def test_one_function(texts: dict[str, str], said: str) -> None:
    assert sentence([result(**texts)], STOP) == f"{said}; to stop: {STOP}"


def test_the_end_is_a_local_time_and_says_how_far_it_is() -> None:
    said = sentence([result(STATUS="503", END="2099-01-31T17:00:00Z")], STOP)
    assert ", until " in said
    assert "2099" in said
    assert " days); to stop: " in said


@pytest.mark.parametrize(
    ("names", "who"),
    [("ab", "a and b"), ("abc", "a, b and c"), ("abcd", "4 functions")],
)
def test_several_functions(names: str, who: str) -> None:
    found = [result(name, STATUS="503") for name in names]
    found[0] = result("a", STATUS="503", NEXT_WRAPPER="/opt/dd")
    assert found[0].change is not None
    assert NEXT_WRAPPER in found[0].change.variables
    assert sentence(found, STOP).startswith(f"all invocations of {who} are hit by status 503, ")


def test_only_functions_that_are_as_wanted_are_told() -> None:
    failed = result("users", Outcome.FAILED, STATUS="503")
    unchanged = result("carts", Outcome.UNCHANGED, STATUS="503")
    said = sentence([result(STATUS="503"), failed, unchanged], STOP)
    assert said.startswith("all invocations of orders and carts are hit")
    assert sentence([failed], STOP) == ""


def test_faults_that_differ_are_one_sentence_too() -> None:
    said = sentence([result(STATUS="503"), result("users", LATENCY="1s")], STOP)
    assert said == f"2 functions have faults that differ (see `status`); to stop: {STOP}"


def test_variables_of_other_tools_are_faults_too() -> None:
    other = result("users", STATUS="503")
    assert other.change is not None
    chaos = {
        "CHAOS_EXTENSION__LAMBDA__ENABLE_LATENCY": "true",
        "CHAOS_EXTENSION__LAMBDA__LATENCY_VALUE": "1",
        "CHAOS_EXTENSION__LAMBDA__LATENCY_PROBABILITY": "0.5",
    }
    other = replace(other, change=replace(other.change, variables=chaos))
    assert sentence([other], STOP).startswith("50% of the invocations of users are hit by latency")
    assert "faults that differ" in sentence([result(), other], STOP)


def test_before_anything_is_changed() -> None:
    said = sentence([result(outcome=Outcome.PLANNED, STATUS="503")], STOP)
    assert said == (
        "nothing was changed; then all invocations of orders would be hit by status 503, "
        "without an end"
    )


def test_while_aws_applies_it() -> None:
    said = sentence([replace(result(STATUS="503"), reason="AWS is still applying it")], STOP)
    assert said.startswith("as soon as AWS has applied it, all invocations of orders are hit")
