"""STATUS: the caller gets this HTTP status, in the shape of Lambda's proxy integration.

Only invocations of an HTTP front, and direct ones, are hit. An event source reads no status: it
would take the response for success, and acknowledge a batch that the function never saw.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

from faultlayer.values.kinds import Choice, HeaderSet, Text, Whole
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action, NotApplicable, Respond
from faultlayer.vocabulary.registry import ANY, Equivalent, Fault, Option, Options, sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    from faultlayer.vocabulary.fronts import front_of, no_status

    front = front_of(invocation)
    if options.sources != ANY and (why := no_status(front)):
        return NotApplicable(f"{why}; `sources` = `{ANY}` applies it all the same")
    body = options.body
    headers = dict(options.headers or {})
    if not any(name.lower() == "content-type" for name in headers):
        headers["content-type"] = "application/json" if body is None else "text/plain"
    if body is None:
        body = f'{{"message":"fault injected: status {options.code}"}}'
    return Respond(options.code, headers, body, options.when, front.members)


def _flag(given: dict[str, Any]) -> dict[str, Any]:
    code = given.get("status_code", 500)
    body = f'{{"message":"Injected status code {code}"}}'
    return {"code": code, "body": body, "headers": {"Content-Type": "application/json"}}


FAULT = Fault(
    __name__,
    order=60,
    help="the caller gets this HTTP status in Lambda's proxy-integration shape; before: the "
    "function does not run",
    main=Option("code", Whole(100, 599, "503"), "the HTTP status"),
    options=(
        Option("when", Choice(BEFORE, AFTER), "on which side of the function", BEFORE),
        Option(
            "body",
            Text("any text", "try later", empty=True),
            "the response's body (default: a JSON message)",
        ),
        Option("headers", HeaderSet(remove=False), "the response's headers"),
        sources("HTTP fronts and direct invocations"),
    ),
    equivalents=(
        Equivalent(
            "statuscode", {"status_code": ("code", "a whole number from 100 to 599")}, _flag
        ),
    ),
    decide=decide,
    logged={
        "status": "the HTTP status",
        "when": "`before` or `after` the function",
    },
)
