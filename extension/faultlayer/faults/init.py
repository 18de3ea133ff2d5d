"""INIT: the start of an execution environment takes longer, or fails.

The runtime starts as ever and loads the function's code. Its first poll is held, so Lambda counts
the time as Init Duration. Or the start is reported as failed, as if the function's code could not
be loaded. A start that fails by itself is left alone.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
"""

from __future__ import annotations

from faultlayer.values.error_message import ErrorMessage
from faultlayer.values.kinds import DurationRange, Kind
from faultlayer.vocabulary.actions import BEFORE, Action, Delay, Fail, NotApplicable
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ERROR = "error"
_UNSAID = "faultlayer failed the start"


class Outcome(Kind):
    """`error`, or how much longer the start takes: a pair of seconds, low and high."""

    allowed = f"`{_ERROR}`, or {DurationRange.allowed}"
    metavar = f"DURATION|{_ERROR}"
    example = "3s"

    def parse(self, value: Any) -> str | tuple[float, float]:
        if isinstance(value, str) and value.strip().lower() == _ERROR:
            return _ERROR
        try:
            return DurationRange().parse(value)
        except ValueError as error:
            raise ValueError(
                str(error).replace("is not a duration", f"is neither {_ERROR} nor a duration")
            ) from None

    def show(self, value: Any) -> str:
        return _ERROR if value == _ERROR else DurationRange().show(value)


class Failure(ErrorMessage):
    """The message of a start that fails."""

    example = "Runtime.ImportModuleError: No module named 'requests'"
    unnamed = "Runtime.InitError"


def begin(options: Options, draw: float) -> Action | None:
    if options.how == _ERROR:
        kind, message = options.message or (Failure.unnamed, _UNSAID)
        return Fail(kind, message, BEFORE)
    low, high = options.how
    if not high:
        return NotApplicable("its delay is 0, so the start is not late")
    return Delay(low + (high - low) * draw)


FAULT = Fault(
    __name__,
    order=2,
    help="a cold start takes longer, or fails before the function gets its first event",
    main=Option("how", Outcome(), "how much longer (a range is uniform), or `error`"),
    options=(
        Option(
            "message",
            Failure(),
            f"what `error` says, as `message` or `Type: message` (type `{Failure.unnamed}`)",
        ),
    ),
    begin=begin,
    logged={
        "delay_ms": "how long the start takes longer (milliseconds), unless it fails",
        "function_error": "true, with `error`: the start fails",
        "when": "`before` the function gets its first event",
    },
)
