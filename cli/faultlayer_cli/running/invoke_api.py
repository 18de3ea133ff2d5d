"""Lambda's Invoke API before the environments of one function.

The emulator's answer gets the headers of Lambda's; function errors have `X-Amz-Function-Error`.
Asynchronous invocations are queued. If all environments are busy, a request is refused.
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from http import HTTPStatus
from urllib.parse import unquote

from faultlayer_cli.errors import Failure
from faultlayer_cli.running.emulator import PATH, REQUEST_ID
from faultlayer_cli.running.environments import Environments
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.outcome import Outcome, outcome
from faultlayer_cli.running.web_server import Reply, Request

LIMIT = 6 << 20  # bytes of an event, and of an answer
_LIMIT_LATER = 1 << 20  # bytes of the event of an asynchronous invocation
_ROUTE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_STREAM = re.compile(r"/2021-11-15/functions/[^/]+/response-streaming-invocations/?")
_NAME = re.compile(r"(?:(?:arn:[^:]*:lambda:[^:]*:)?[0-9]*:?function:)?([^:]+)(?::[^:]+)?")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_CONTEXT = "x-amz-client-context"
_TRACE = "x-amzn-trace-id"


async def outcome_of(running: Future[Response], request_id: str) -> Outcome:
    """The end of an invocation that is under way. Raises Failure if its environment failed."""
    import asyncio  # takes 0.05 s, and `faultlayer local --help` invokes nothing

    return outcome(await asyncio.wrap_future(running), request_id)


def request_id(request: Request) -> str:
    """The id that the caller gave to its invocation, or a new one."""
    given = request.header("x-amzn-requestid")
    return given if _ID.fullmatch(given) else str(uuid.uuid4())


def forwarded(request: Request, identifier: str) -> dict[str, str]:
    """The headers for the emulator with every invocation."""
    trace = request.header(_TRACE)
    return {REQUEST_ID.lower(): identifier, **({_TRACE: trace} if trace else {})}


def _is_context(text: str) -> bool:
    """True if this is a client context: a JSON object in base64."""
    try:
        return isinstance(json.loads(base64.b64decode(text, validate=True)), dict)
    except (ValueError, RecursionError):
        return False


def refusal(status: int, kind: str, message: str, **members: str) -> Reply:
    """An error of the service, in the shape of Lambda's."""
    body = {**members, "message": message}
    headers = (("content-type", "application/json"), ("x-amzn-errortype", kind))
    return Reply(status, json.dumps(body, separators=(",", ":")).encode(), headers)


def throttled() -> Reply:
    """The answer if all environments are busy."""
    return refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        "TooManyRequestsException",
        "Rate Exceeded.",
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
        Type="User",
    )


def too_large(limit: int) -> Reply:
    """The answer to an event that Lambda does not take."""
    text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", text, Type="User"
    )


class InvokeApi:
    """Answers the requests of Lambda's Invoke API for the function of this name."""

    def __init__(self, environments: Environments, name: str) -> None:
        self._environments = environments
        self._names = {"function", name}
        self._own = name

    async def answer(self, request: Request) -> Reply:
        identifier = request_id(request)
        reply = await self._answer(request, identifier)
        return Reply(reply.status, reply.body, (*reply.headers, ("x-amzn-requestid", identifier)))

    async def _answer(self, request: Request, identifier: str) -> Reply:
        found = _ROUTE.fullmatch(request.path)
        if found is None or request.method != "POST":
            return self._elsewhere(request)
        name = _NAME.fullmatch(unquote(found[1]))
        if name is None or name[1] not in self._names:
            text = f"Function not found: {unquote(found[1])}; this is {self._own}"
            return refusal(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", text, Type="User")
        kind = request.header("x-amz-invocation-type") or "RequestResponse"
        if kind not in ("RequestResponse", "Event", "DryRun"):
            return _wrong(
                "InvalidParameterValueException",
                f"X-Amz-Invocation-Type is {kind}; allowed: RequestResponse, Event, DryRun",
            )
        limit = _LIMIT_LATER if kind == "Event" else LIMIT
        if request.too_large or len(request.body) > limit:
            return too_large(limit)
        event = request.body or b"{}"
        try:
            json.loads(event)
        except RecursionError:
            pass  # the function's runtime may read it
        except ValueError as error:
            text = f"Could not parse request body into json: {error}"
            return _wrong("InvalidRequestContentException", text)
        headers = forwarded(request, identifier)
        if context := request.header(_CONTEXT):
            if not _is_context(context):
                text = "Client context must be a valid Base64-encoded JSON object."
                return _wrong("InvalidRequestContentException", text)
            headers[_CONTEXT] = context
        if kind == "DryRun":
            return Reply(HTTPStatus.NO_CONTENT)
        if kind == "Event":
            queued = self._environments.enqueue(event, headers)
            return Reply(HTTPStatus.ACCEPTED) if queued else throttled()
        return await self._invoke(event, headers, identifier)

    async def _invoke(self, event: bytes, given: Mapping[str, str], identifier: str) -> Reply:
        running = self._environments.invoke(event, given)
        if running is None:
            return throttled()
        try:
            ended = await outcome_of(running, identifier)
        except Failure as failure:
            return _trouble(str(failure))
        if ended.broken:
            return _trouble(ended.failure)
        headers = [("content-type", "application/json"), ("x-amz-executed-version", "$LATEST")]
        if ended.failure:
            headers.append(("x-amz-function-error", "Unhandled"))
        return Reply(HTTPStatus.OK, ended.payload, tuple(headers))

    @staticmethod
    def _elsewhere(request: Request) -> Reply:
        """The answer to a request that is no invocation."""
        if _STREAM.fullmatch(request.path):
            return refusal(
                HTTPStatus.NOT_IMPLEMENTED,
                "NotImplementedException",
                f"the emulator does not stream responses; use POST {PATH}",
            )
        if _ROUTE.fullmatch(request.path):
            text = f"{request.method} invokes nothing; use POST {PATH}"
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowedException", text)
        text = (
            f"nothing is at {request.path}; use POST {PATH}, or start `faultlayer local` with "
            "--http to serve the function as a function URL does"
        )
        return refusal(HTTPStatus.NOT_FOUND, "UnknownOperationException", text)


def _trouble(why: str) -> Reply:
    """The answer if not the function failed."""
    return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "ServiceException", why, Type="Service")


def _wrong(kind: str, message: str) -> Reply:
    return refusal(HTTPStatus.BAD_REQUEST, kind, message, Type="User")
