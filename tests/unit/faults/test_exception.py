"""EXCEPTION: the function error that the caller gets."""

from __future__ import annotations

import pytest

from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import AFTER, BEFORE, Fail
from unit.faults.decided import decided


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
    assert settings.chooser is not None
    (rule,) = settings.chooser.starts
    expected = (kind, message) if kind else ("Runtime.InitError", text.strip())
    assert rule.options.message == expected
