"""The chaos-lambda-extension's variables, and chaostoolkit-aws' actions that write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.settings.configuration import Configuration
from faultlayer.settings.variables import read_environment
from unit.settings.dialects_read import CHAOS, DELAY, rules

SECONDS = CHAOS + "LAMBDA__LATENCY_VALUE"
DELAY_SHARE = CHAOS + "LAMBDA__LATENCY_PROBABILITY"
CHANGE = CHAOS + "RESPONSE__ENABLE_CHANGE_RESPONSE_BODY"
RESPONSE = CHAOS + "RESPONSE__DEFAULT_RESPONSE"
CHANGE_SHARE = CHAOS + "RESPONSE__CHANGE_RESPONSE_PROBABILITY"
# What chaostoolkit-aws 0.35.1 leaves on a function, recorded from its actions against moto.
ADD_LATENCY = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
    "CHAOSTOOLKIT_EXPERIMENT": "true",
    DELAY: "true",
    SECONDS: "2",
    DELAY_SHARE: "1e-05",
}
REMOVE_LATENCY = {SECONDS: "2"}
ADD_ERROR = {
    **REMOVE_LATENCY,
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
    "CHAOSTOOLKIT_EXPERIMENT": "true",
    CHANGE: "true",
    RESPONSE: '{"statusCode": 500, "body": "Greeting from Chaos Toolkit"}',
    CHANGE_SHARE: "1",
}


# -- the chaos-lambda-extension's variables ---------------------------------------------------


def of(**variables: str) -> Configuration:
    settings = read_environment(variables)
    assert not settings.problems, settings.problems[0].message
    return settings


def test_what_its_page_calls_the_defaults() -> None:
    found = rules(of(**{DELAY: "true", CHANGE: "true"}))
    assert found["latency"] == {"delay": (900, 900), "when": "before", "rate": 0.9}
    put = found["corruption"]
    assert json.loads(put.pop("body")) == {"statusCode": 500, "body": "hello, Chaos!!!"}
    assert put == {"mode": "replace", "scope": "payload", "sources": "callers", "rate": 0.9}
    assert of(**{SECONDS: "2", DELAY_SHARE: "1", RESPONSE: "x", CHANGE_SHARE: "1"}).chooser is None


@pytest.mark.parametrize("text", ["false", "False", "FALSE", ""])
def test_its_switches_switch_off(text: str) -> None:
    assert of(**{DELAY: text, CHANGE: text, SECONDS: "x", CHANGE_SHARE: "x"}).chooser is None


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_its_switches_switch_on(text: str) -> None:
    assert rules(of(**{DELAY: text})).keys() == {"latency"}


@given(st.floats(0, 1), st.integers(0, 900))
def test_its_values_are_seconds_and_probabilities(probability: float, seconds: int) -> None:
    values = rules(of(**{DELAY: "true", SECONDS: f"{seconds}", DELAY_SHARE: f"{probability}"}))
    assert values["latency"]["delay"] == (seconds, seconds)
    assert values["latency"]["rate"] == probability


def test_a_part_of_a_second_is_one() -> None:
    assert rules(of(**{DELAY: "true", SECONDS: "0.5"}))["latency"]["delay"] == (0.5, 0.5)


def test_a_response_is_what_was_given_even_nothing() -> None:
    for text in ('{"statusCode": 418}', "no JSON", ""):
        assert rules(of(**{CHANGE: "true", RESPONSE: text}))["corruption"]["body"] == text


@pytest.mark.parametrize(
    ("variables", "variable", "said"),
    [
        ({DELAY: "maybe"}, DELAY, "is neither true nor false; allowed: true or false"),
        ({DELAY: "true", SECONDS: "2m"}, SECONDS, "allowed: seconds up to 900"),
        ({DELAY: "true", SECONDS: "-2"}, SECONDS, "allowed: seconds up to 900"),
        ({DELAY: "true", SECONDS: "901"}, SECONDS, "allowed: seconds up to 900"),
        ({DELAY: "true", SECONDS: ""}, SECONDS, "allowed: seconds up to 900"),
        ({DELAY: "true", DELAY_SHARE: "90"}, DELAY_SHARE, "allowed: a probability from 0 to 1"),
        ({DELAY: "true", DELAY_SHARE: "nan"}, DELAY_SHARE, "allowed: a probability from 0 to 1"),
        ({DELAY: "true", DELAY_SHARE: "often"}, DELAY_SHARE, "a probability from 0 to 1"),
        # Its own example has this one.
        ({CHAOS + "RESPONSE__ENABLE_CHANGE_REPONSE_BODY": "true"}, "", f"did you mean {CHANGE}?"),
        ({CHAOS: "x"}, CHAOS, "is not a variable that faultlayer reads"),
    ],
    ids=str,
)
def test_a_wrong_variable_turns_its_fault_off_alone(
    variables: dict[str, str], variable: str, said: str
) -> None:
    settings = read_environment({**variables, "FAULTLAYER_STATUS": "503"})
    (problem,) = settings.problems
    assert problem.variable == (variable or next(iter(variables)))
    assert said in problem.message
    assert settings.chooser is not None
    assert [rule.fault.name for rule in settings.chooser.rules] == ["status"]


def test_their_rules_add_to_ours_and_our_limits_hold_for_them() -> None:
    both = {DELAY: "true", SECONDS: "2", DELAY_SHARE: "1", "FAULTLAYER_LATENCY": "300ms"}
    settings = of(**both)
    assert settings.chooser is not None
    delays = [rule.options.delay[0] for rule in settings.chooser.rules]
    assert delays == [0.3, 2]
    assert [rule.draw_name for rule in settings.chooser.rules] == ["latency", "latency#2"]
    assert of(**both, FAULTLAYER_DISABLED="true").chooser is None
    matched = of(**both, FAULTLAYER_MATCH="headers.x-chaos").chooser
    assert matched is not None
    assert all(rule.match for rule in matched.rules)


@pytest.mark.parametrize(("text", "stops"), [("true", True), ("false", False), ("", False)])
def test_failure_lambdas_kill_switch_stops_all(text: str, stops: bool) -> None:
    settings = of(**{"FAILURE_LAMBDA_DISABLED": text, "FAULTLAYER_STATUS": "503", DELAY: "true"})
    assert (settings.chooser is None) == stops


def test_chaos_toolkit_arms_and_disarms() -> None:
    assert rules(of(**ADD_LATENCY))["latency"] == {
        "delay": (2, 2),
        "when": "before",
        "rate": 1e-05,
    }
    assert of(**REMOVE_LATENCY).chooser is None
    assert rules(of(**ADD_ERROR)) == {
        "corruption": {
            "mode": "replace",
            "scope": "payload",
            "sources": "callers",
            "body": ADD_ERROR[RESPONSE],
            "rate": 1,
        }
    }
