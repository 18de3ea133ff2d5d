"""STATUS: the caller gets this HTTP status, in the shape of Lambda's proxy integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

from faultlayer.actions import AFTER, BEFORE, Action, Respond
from faultlayer.registry import Fault, Option, Options, Peer
from faultlayer.values import Choice, HeaderSet, Text, Whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.invocation import Invocation

# One text, since a fault's name in quotes is for the fault's own file alone.
_WHEN, _BODY, _HEADERS = "when body headers".split()  # noqa: SIM905


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    body = options.body
    headers = dict(options.headers or {})
    if not any(name.lower() == "content-type" for name in headers):
        headers["content-type"] = "application/json" if body is None else "text/plain"
    if body is None:
        body = f'{{"message":"fault injected: status {options.code}"}}'
    return Respond(options.code, headers, body, options.when)


def _flag(given: dict[str, Any]) -> dict[str, Any]:
    code = given.get("status_code", 500)
    body = f'{{"message":"Injected status code {code}"}}'
    return {"code": code, _BODY: body, _HEADERS: {"Content-Type": "application/json"}}


FAULT = Fault(
    __name__,
    order=60,
    help="the caller gets this HTTP status in Lambda's proxy-integration shape; before: the "
    "function does not run",
    main=Option("code", Whole(100, 599, "503"), "the HTTP status"),
    options=(
        Option(_WHEN, Choice(BEFORE, AFTER), "on which side of the function", BEFORE),
        Option(
            _BODY,
            Text("any text", "try later", empty=True),
            "the response's body (default: a JSON message)",
        ),
        Option(_HEADERS, HeaderSet(remove=False), "the response's headers"),
    ),
    peers=(Peer("statuscode", {"status_code": ("code", "a whole number from 100 to 599")}, _flag),),
    decide=decide,
)
