"""Doubts: settings that Lambda takes and that have no effect, found by one function for all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.events.match import parse
from faultlayer.events.paths import MISSING
from faultlayer_cli.plans.doubts import doubts, never_holding
from faultlayer_cli.plans.variables import Variables

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def of_match(match: dict[str, Any] | str) -> list[str]:
    text = match if isinstance(match, str) else json.dumps(match)
    variables = Variables({"FAULTLAYER_LATENCY": "1s", "FAULTLAYER_LATENCY_MATCH": text})
    assert not variables.problems, variables.problems[0].message
    return never_holding(variables.configuration)


@pytest.mark.parametrize(
    ("match", "why"),
    [
        # a number, true or false against what is always text
        (
            {"headers.x-n": 5},
            'headers.x-n is text in every event of AWS\'s, which 5 is not; allowed: "5"',
        ),
        ({"headers.X-Flag": {"equals": True}}, 'allowed: "true"'),
        ({"pathParameters.id": {"in": [1, 2]}}, 'which 1 or 2 is not; allowed: "1" or "2"'),
        ({"queryStringParameters.page": 1}, "is text"),
        ({"requestContext.http.method": 1}, "is text"),
        ({"Records.0.attributes.ApproximateReceiveCount": 1}, "is text"),
        ({"Records.0.dynamodb.Keys.id.N": 7}, "is text"),
        ({"body": False}, "is text"),
        ({"qualifier": 3}, 'qualifier is always text, which 3 is not; allowed: "3"'),
        ({"qualifier": None}, "is always text"),
        ({"invoked_function_arn": 5}, "is always an ARN"),
        ({"invoked_function_arn": "orders"}, "is always an ARN, which begins with arn:"),
        ({"invoked_function_arn": {"prefix": "orders"}}, "is always an ARN"),
        ({"invoked_function_arn": {"exists": False}}, "is always there"),
        # text against what is always a number, a boolean, an object or a list
        ({"requestContext.timeEpoch": {"regex": "^17"}}, 'finds nothing; allowed: "as": "text"'),
        ({"Records.0.s3.object.size": {"prefix": "1"}}, "is a number"),
        (
            {"Records.0.s3.object.size": "1024"},
            'is a number in every event of AWS\'s, which "1024" is not',
        ),
        ({"isBase64Encoded": "true"}, "is true or false"),
        ({"headers": "x"}, "is an object or a list"),
        ({"multiValueHeaders.accept": "x"}, "is an object or a list"),
        ({"requestContext.http": {"regex": "GET"}}, "is an object or a list"),
        # a path below text or a number
        (
            {"body.order.id": 7},
            "leads nowhere: body is text in every event of AWS's; allowed: a regex",
        ),
        ("headers.cookie.session", "leads nowhere: headers.cookie is text"),
        ({"Records.0.body.id": {"exists": True}}, "leads nowhere: Records.0.body is text"),
        ({"rawPath.0": "/"}, "leads nowhere: rawPath is text"),
        ({"qualifier.name": "live"}, "leads nowhere: qualifier is always text"),
        ({"requestContext.timeEpoch.ms": 1}, "leads nowhere"),
        # operators that exclude each other
        ({"a": {"exists": False, "equals": 1}}, "a cannot be missing and have a value (equals)"),
        ({"a": {"equals": "b", "prefix": "c"}}, "a cannot be all of this at once: equals, prefix"),
        ({"a": {"in": ["b", 5], "regex": "^x"}}, "a cannot be all of this at once"),
        ({"a": {"equals": 5, "in": [6, 7]}}, "a cannot be all of this at once"),
        ({"a": {"equals": 5, "as": "text"}}, "a is compared as text, which 5 is not"),
        # conditions that exclude each other
        ({"a": 1, "a.b": 2}, "a and a.b exclude each other"),
        ({"a.b": {"exists": True}, "a": {"exists": False}}, "exclude each other"),
        ({"headers.x": "1", "headers.X": "2"}, "are the same header"),
        ({"qualifier": "live", "invoked_function_arn": ARN}, "exclude each other: the qualifier"),
        ({"qualifier": "a", "invoked_function_arn": {"in": [ARN + ":b"]}}, "exclude each other"),
        ("httpMethod=GET,rawPath=/", "are never in one event of AWS's"),
        ({"Records.0.eventSource": "aws:sqs", "requestContext.http.method": "GET"}, "never in one"),
    ],
    ids=str,
)
def test_a_condition_that_can_never_hold(match: dict[str, Any] | str, why: str) -> None:
    (line,) = of_match(match)
    assert line.startswith("FAULTLAYER_LATENCY_MATCH can never hold: ")
    assert why in line


@pytest.mark.parametrize(
    "match",
    [
        "headers.x-n=5,isBase64Encoded=true,Records.0.s3.object.size=1024,qualifier=3",
        {"headers.x": {"in": [5, "5"]}, "pathParameters": None, "stageVariables.a": None},
        {"requestContext.timeEpoch": {"regex": "^17", "as": "text"}},
        {"requestContext.timeEpoch": {"in": [1, "x"]}, "isBase64Encoded": False},
        {"requestContext.timeEpoch": {"equals": "17", "as": "text"}},
        {"body.id": {"exists": False}, "a": {"exists": False}, "a.b": {"exists": False}},
        {"headers.accept.0": "text/html", "queryStringParameters.page.0": "1"},  # VPC Lattice
        {"a": {"exists": True}, "a.b": 1, "qualifier": {"exists": False}},
        {"a": {"equals": "bc", "prefix": "b", "regex": "c$"}},
        {"qualifier": "live", "invoked_function_arn": ARN + ":live"},
        {"qualifier": "live", "invoked_function_arn": {"prefix": "ar"}},
        {"detail.n": 5, "detail-type": "order", "source": "shop", "headers.x": "1"},
        {"headers.x": "1", "headers.X": {"regex": "1|2"}, "multiValueHeaders.x.0": "1"},
        {"requestContext.identity.clientCert.subjectDN": "x", "requestContext.authorizer.n": 5},
        {"Records.0.body": {"regex": "id"}, "Records.0.dynamodb.NewImage.n.BOOL": True},
    ],
    ids=str,
)
def test_a_condition_that_may_hold_is_not_doubted(match: dict[str, Any] | str) -> None:
    assert of_match(match) == []


SCALARS = st.sampled_from(["", "a", "ab", "5", 5, 5.5, True, None])
OPERATORS = st.fixed_dictionaries(
    {},
    optional={
        "equals": SCALARS,
        "in": st.lists(SCALARS, min_size=1, max_size=3),
        "prefix": st.sampled_from(["a", "b", "5"]),
        "regex": st.sampled_from(["a", "^b", "5$"]),
        "exists": st.booleans(),
        "as": st.just("text"),
    },
).filter(lambda operators: set(operators) - {"as"})


@given(OPERATORS, st.one_of(SCALARS, st.just(MISSING), st.just([]), st.text("ab5", max_size=3)))
def test_what_is_doubted_holds_of_nothing(operators: dict[str, Any], value: Any) -> None:
    """Of a path that could be anything, operators alone decide: by the extension's own test."""
    (condition,) = parse({"a": operators}).conditions
    if condition.holds(value):
        assert of_match({"a": operators}) == []


def test_each_match_is_named_by_its_place() -> None:
    plan = {
        "faults": [{"fault": "latency", "delay": "1s", "match": {"headers.n": 1}}],
        "match": {"qualifier": 1},
    }
    given_ = {
        "FAULTLAYER_PLAN": json.dumps(plan),
        "FAULTLAYER_MATCH": '{"headers.n":1}',
        "FAULTLAYER_STATUS": "503",
        "FAULTLAYER_STATUS_MATCH": '{"headers.n":1}',
    }
    configuration = Variables(given_).configuration
    assert [line.partition(" can")[0] for line in doubts(configuration)] == [
        "FAULTLAYER_MATCH",
        "FAULTLAYER_STATUS_MATCH",
        "FAULTLAYER_PLAN match",
        "FAULTLAYER_PLAN faults[0].match",
    ]
    assert doubts(configuration, "")[-1].startswith("faults[0].match can never hold: headers.n is")


def test_an_end_that_is_in_the_past() -> None:
    past = "2020-01-01T00:00:00Z"
    rule = {"fault": "latency", "delay": "1s"}
    by_variable = Variables({"FAULTLAYER_LATENCY": "1s", "FAULTLAYER_END": past})
    assert doubts(by_variable.configuration) == [
        "FAULTLAYER_END is in the past: nothing is injected any more"
    ]
    by_plan = Variables({"FAULTLAYER_PLAN": json.dumps({"faults": [rule], "end": past})})
    assert doubts(by_plan.configuration, "") == ["end is in the past: nothing is injected any more"]
    both = {**by_plan.texts, "FAULTLAYER_END": "2999-01-01T00:00:00Z"}
    assert doubts(Variables(both).configuration) == [], "the variable wins"
    assert doubts(Variables({"FAULTLAYER_END": past}).configuration) == [], "no fault is meant"


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({"LATENCY_RATE": "0"}, ["FAULTLAYER_LATENCY_RATE is 0: this fault hits nothing"]),
        ({"LATENCY_MAX": "0"}, ["FAULTLAYER_LATENCY_MAX is 0: this fault hits nothing"]),
        ({"RATE": "0%", "LATENCY_RATE": "1"}, []),
        (
            {"RATE": "0%"},
            ["FAULTLAYER_RATE is 0: faults without a rate of their own hit nothing"],
        ),
        (
            {"PLAN": '{"rate":0,"faults":[{"fault":"cpu","cores":1,"max":0}]}'},
            [
                "FAULTLAYER_PLAN faults[0].max is 0: this fault hits nothing",
                "FAULTLAYER_PLAN rate is 0: faults without a rate of their own hit nothing",
            ],
        ),
    ],
    ids=str,
)
def test_a_rate_and_a_max_of_0_are_named(given: dict[str, str], lines: list[str]) -> None:
    variables = {f"FAULTLAYER_{k}": v for k, v in {"LATENCY": "1s", **given}.items()}
    assert doubts(Variables(variables).configuration) == lines
