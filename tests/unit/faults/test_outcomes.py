"""LATENCY, EXCEPTION, STATUS and HEADERS: from the variables a user sets to what is to be done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action, Delay, Fail, Respond, Rewrite
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.streamed import SEPARATOR, Stream


def decided(draw: float = 0.5, **variables: str) -> Any:
    """The action that these variables, given without their prefix, lead to."""
    settings = read_environment({f"FAULTLAYER_{name}": text for name, text in variables.items()})
    assert not settings.problems
    assert settings.aim is not None
    (rule,) = settings.aim.rules
    action = rule.decide(rule.options, Invocation(b"", b"", lambda: b"{}"), draw)
    assert isinstance(action, Action)
    return action


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 0.1), (0.5, 0.25), (1 - 2**-53, 0.4)])
def test_latency_lies_within_its_range(draw: float, seconds: float) -> None:
    action = decided(draw, LATENCY="100ms..400ms", LATENCY_WHEN="after")
    assert isinstance(action, Delay)
    assert action.seconds == pytest.approx(seconds)
    assert (action.when, action.terminal) == (AFTER, False)
    assert decided(draw, LATENCY="300ms").seconds == 0.3


def test_an_exception_has_the_given_type_and_message() -> None:
    action = decided(EXCEPTION="ValueError: no such order")
    assert isinstance(action, Fail)
    assert (action.error_type, action.message, action.when) == (
        "ValueError",
        "no such order",
        BEFORE,
    )
    assert decided(EXCEPTION="x", EXCEPTION_WHEN="after").when == AFTER


TYPED = [
    ("ValueError: no such order", "ValueError", "no such order"),
    ("my_crate::OrderError: no such order", "my_crate::OrderError", "no such order"),
    ("Outer$Inner: text", "Outer$Inner", "text"),
    ("Function<UserError>: text", "Function<UserError>", "text"),
    ("java.lang.IllegalStateException: x: y", "java.lang.IllegalStateException", "x: y"),
    ("Aws::DynamoDB::Errors::ServiceError: x", "Aws::DynamoDB::Errors::ServiceError", "x"),
    ("*errors.errorString: x", "*errors.errorString", "x"),
    ("System.Collections.Generic.List`1[System.String]: x", None, None),
    ("Shop.Orders+NotFound: x", "Shop.Orders+NotFound", "x"),
    ("order-failed: x", "order-failed", "x"),
    ("com.amazonaws.dynamodb#ThrottlingException: x", None, None),
    ("Error: https://example.com: gone", "Error", "https://example.com: gone"),
    ("Error:\tx", "Error", "x"),
    ("Error:", "Error", ""),
    ("  Error : x", "", ""),
    ("https://example.com/orders", "", ""),
    ("https://example.com/orders: not found", "", ""),
    ("arn:aws:lambda:eu-west-1:123456789012:function:orders", "", ""),
    ("arn:aws:s3:::orders: denied", "", ""),
    ("arn:aws:lambda:eu-west-1:123456789012:function:orders: denied", "", ""),
    ("ValueError:no blank", "", ""),
    ("no such order", "", ""),
    ("two words: x", "", ""),
    ("10.0.0.1:5432: refused", "", ""),
    ("localhost:5432: refused", "", ""),
    ("404: not found", "", ""),
    ("/var/task/app.py: no such file", "", ""),
    ('{"code": 5}', "", ""),
    ("C:\\temp: no such folder", "", ""),
    (": x", "", ""),
]


@pytest.mark.parametrize(("text", "kind", "message"), TYPED)
def test_the_type_is_the_word_before_the_first_colon_and_blank(
    text: str, kind: str | None, message: str | None
) -> None:
    if kind is None:
        kind, _, message = text.partition(": ")
    action = decided(EXCEPTION=text)
    assert (action.error_type, action.message) == (
        (kind, message) if kind else ("FaultInjected", text.strip())
    )
    settings = read_environment({"FAULTLAYER_INIT": "error", "FAULTLAYER_INIT_MESSAGE": text})
    assert settings.aim is not None
    (rule,) = settings.aim.starts
    expected = (kind, message) if kind else ("Runtime.InitError", text.strip())
    assert rule.options.message == expected


def test_a_status_is_answered_in_json_where_nothing_else_is_said() -> None:
    action = decided(STATUS="503")
    assert isinstance(action, Respond)
    assert (action.status, action.when, action.terminal) == (503, BEFORE, True)
    assert action.headers == {"content-type": "application/json"}
    assert "503" in json.loads(action.body)["message"]


def test_a_status_has_the_given_body_and_headers() -> None:
    given = '{"Content-Type":"text/html","retry-after":5}'
    action = decided(STATUS="429", STATUS_BODY="<b>later</b>", STATUS_HEADERS=given)
    assert action.body == "<b>later</b>"
    assert action.headers == {"Content-Type": "text/html", "retry-after": "5"}
    assert decided(STATUS="500", STATUS_BODY="x").headers == {"content-type": "text/plain"}
    assert decided(STATUS="204", STATUS_BODY="").body == ""


def test_one_decision_does_not_change_the_next() -> None:
    settings = read_environment(
        {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_HEADERS": '{"a":"b"}'}
    )
    assert settings.aim is not None
    (rule,) = settings.aim.rules
    direct = Invocation(b"", b"", lambda: b"{}")
    rule.decide(rule.options, direct, 0).headers["a"] = "changed"  # type: ignore[union-attr]
    assert rule.decide(rule.options, direct, 0).headers["a"] == "b"  # type: ignore[union-attr]


CORS = '{"access-control-allow-origin":null,"x-new":"1"}'


def test_headers_are_changed_in_a_response() -> None:
    action = decided(HEADERS=CORS)
    assert isinstance(action, Rewrite)
    answer = Answer(b'{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"},"body":"x"}')
    assert action.whole(answer)
    assert json.loads(answer.payload()) == {
        "statusCode": 200,
        "headers": {"x-new": "1"},
        "body": "x",
    }


def test_what_has_no_headers_is_left_alone() -> None:
    action = decided(HEADERS=CORS)
    answer = Answer(b'{ "order": 7 }')
    assert not action.whole(answer)
    assert answer.payload() == b'{ "order": 7 }'
    stream = Stream(http=False, rewrite=lambda passing: None)
    assert not action.stream(stream)


def test_headers_are_changed_in_a_stream_s_prelude() -> None:
    action = decided(HEADERS=CORS)
    applied: list[bool] = []
    stream = Stream(http=True, rewrite=lambda passing: applied.append(action.stream(passing)))
    out = stream.feed(b'{"headers":{"ACCESS-CONTROL-ALLOW-ORIGIN":"*"}}' + SEPARATOR + b"body")
    prelude, _, body = out.partition(SEPARATOR)
    assert (json.loads(prelude), body, applied) == ({"headers": {"x-new": "1"}}, b"body", [True])
