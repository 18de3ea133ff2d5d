"""EXCEPTION: the invocation ends in a function error, before or after the function ran."""

from __future__ import annotations

from faultlayer.actions import AFTER, BEFORE, Action, Fail
from faultlayer.registry import Fault, Option, Options, Peer
from faultlayer.values import Choice, Kind, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.invocation import Invocation

UNNAMED = "FaultInjected"
_LONGEST = 4096


class Message(Kind):
    """`message` or `Type: message`: a pair of type and message."""

    allowed = f"`message` or `Type: message`, each at most {_LONGEST} characters"
    example = "ValueError: no such order"
    unnamed = UNNAMED  # the type where none is given

    def parse(self, value: Any) -> tuple[str, str]:
        text = text_of(value, "text").strip()
        kind, colon, message = text.partition(":")
        if not (colon and kind.isascii() and kind.replace(".", "_").isidentifier()):
            kind, message = self.unnamed, text
        message = message.strip()
        if len(kind) > _LONGEST or len(message) > _LONGEST:
            raise ValueError(f"is longer than {_LONGEST} characters")
        return kind, message

    def show(self, value: Any) -> str:
        return f"{value[0]}: {value[1]}"


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    kind, message = options.message
    return Fail(kind, message, options.when)


def _flag(given: dict[str, Any]) -> dict[str, Any]:
    """The type is what failure-lambda's layer reports."""
    message = given.get("exception_msg", "Injected exception")
    if isinstance(message, str):
        message = f"FailureLambdaException: {message}"
    return {"message": message}


FAULT = Fault(
    __name__,
    order=50,
    help="the invocation ends in a function error, without running the function (before) "
    "or after it ran",
    main=Option("message", Message(), f"`message` or `Type: message` (type `{UNNAMED}`)"),
    options=(Option("when", Choice(BEFORE, AFTER), "on which side of the function", BEFORE),),
    peers=(
        Peer(
            "exception", {"exception_msg": ("message", f"text up to {_LONGEST} characters")}, _flag
        ),
    ),
    decide=decide,
)
