"""EXCEPTION: the invocation ends in a function error, before or after the function ran."""

from __future__ import annotations

from faultlayer.values.error_message import LONGEST_MESSAGE, UNNAMED, ErrorMessage
from faultlayer.values.kinds import Choice
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action, Fail
from faultlayer.vocabulary.registry import Equivalent, Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    kind, message = options.message
    return Fail(kind, message, options.when)


def _flag(given: dict[str, Any]) -> dict[str, Any]:
    """The type as failure-lambda's layer reports it."""
    message = given.get("exception_msg", "Injected exception")
    if isinstance(message, str):
        message = f"FailureLambdaException: {message}"
    return {"message": message}


FAULT = Fault(
    __name__,
    order=50,
    help="the invocation ends in a function error, without running the function (before) "
    "or after it ran",
    main=Option("message", ErrorMessage(), f"`message` or `Type: message` (type `{UNNAMED}`)"),
    options=(Option("when", Choice(BEFORE, AFTER), "on which side of the function", BEFORE),),
    equivalents=(
        Equivalent(
            "exception",
            {"exception_msg": ("message", f"text up to {LONGEST_MESSAGE} characters")},
            _flag,
        ),
    ),
    decide=decide,
    logged={
        "function_error": "true: Lambda counts the invocation as an error",
        "when": "`before` or `after` the function",
    },
)
