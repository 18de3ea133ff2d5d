"""A function URL before the environments of one function: HTTP in, HTTP out.

A request becomes an event of payload format 2.0; the function's result becomes the response. JSON
without a `statusCode` is the body of a 200. A function error is a 502. The emulator does not
stream: a streamed result comes as a whole.
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT, Progress
from faultlayer_cli.running.environments import Environments
from faultlayer_cli.running.invoke_api import (
    LIMIT,
    forwarded,
    outcome_of,
    request_id,
    throttled,
    too_large,
)
from faultlayer_cli.running.ports import LOOPBACK
from faultlayer_cli.running.web_server import Reply, Request

_ID = "local"  # of the function URL
# Bodies of these types are text; all others are base64, those without a type, too.
_TEXT = re.compile(
    r"text/[^;]*|application/(?:json|javascript|xml|[^;]*\+(?:json|xml))", re.IGNORECASE
)
_JSON = ("content-type", "application/json")
_PRELUDE_END = b"\0" * 8  # between the JSON that a streamed result begins with and its body
# They belong to the connection, or the server sets them by itself.
_SERVERS_OWN = {
    "connection", "content-length", "date", "keep-alive", "te", "trailer", "transfer-encoding",
    "upgrade",
}  # fmt: skip
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")


def event(request: Request, identifier: str) -> dict[str, Any]:
    """The event of a request, as Lambda gives it to the function."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    cookies = [value for name, value in request.headers if name == "cookie"]
    headers.pop("cookie", None)
    host = headers.setdefault("host", f"{LOOPBACK}:{request.port}")
    headers |= {
        "x-forwarded-for": request.client,
        "x-forwarded-proto": "http",
        "x-forwarded-port": str(request.port),
    }
    now = time.time()
    found: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": _ID,
            "domainName": host,
            "domainPrefix": _ID,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.version,
                "sourceIp": request.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": identifier,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        parts = (part.strip() for text in cookies for part in text.split(";"))
        found["cookies"] = [part for part in parts if part]
    if query := _query(request.query):
        found["queryStringParameters"] = query
    if request.body:
        found["body"], found["isBase64Encoded"] = _body(request)
    return found


def _query(text: str) -> dict[str, str]:
    """The parameters; several values of one are joined by a comma."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _body(request: Request) -> tuple[str, bool]:
    """The body as the event has it, and if it is base64."""
    if _TEXT.match(request.header("content-type")) and not request.header("content-encoding"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


class Malformed(Exception):
    """The function's result is no HTTP response; the message says why."""


def reply(payload: bytes) -> Reply:
    """The response that a function's result makes. Raises Malformed if it makes none."""
    head, streamed, rest = payload.partition(_PRELUDE_END)
    try:
        result = json.loads(head)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None
    if streamed and isinstance(result, dict):
        status = _status(result.get("statusCode", 200))
        return Reply(status, rest, tuple(_headers(result)))
    if not isinstance(result, dict) or "statusCode" not in result:
        return Reply(HTTPStatus.OK, payload, (_JSON,))
    headers = _headers(result)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(_JSON)
    return Reply(_status(result["statusCode"]), _content(result), tuple(headers))


def _status(value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch("[2-5][0-9][0-9]", text):
        raise Malformed(f"statusCode is {json.dumps(value)[:40]}; allowed: 200 to 599")
    return int(text)


def _headers(result: dict[str, Any]) -> list[tuple[str, str]]:
    given, cookies = result.get("headers"), result.get("cookies")
    if not isinstance(given or {}, dict):
        raise Malformed("headers is not an object")
    if not isinstance(cookies or [], list):
        raise Malformed("cookies is not a list")
    pairs = [*(given or {}).items(), *(("set-cookie", cookie) for cookie in cookies or [])]
    found = []
    for name, value in pairs:
        if isinstance(value, dict | list) or value is None:
            raise Malformed(f"the value of the header {name[:40]} is not a text")
        text = value if isinstance(value, str) else json.dumps(value)
        if not _FIELD.fullmatch(name) or not _VALUE.fullmatch(text):
            raise Malformed(f"HTTP has no header like {name[:40]!r}")
        if name.lower() not in _SERVERS_OWN:
            found.append((name.lower(), text.strip()))
    return found


def _content(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Malformed("body is not a text")
    try:
        return (
            base64.b64decode(body, validate=True)
            if result.get("isBase64Encoded")
            else body.encode()
        )
    except UnicodeEncodeError:
        raise Malformed("body has half a surrogate pair, which is no character") from None
    except (binascii.Error, ValueError):
        raise Malformed("isBase64Encoded is true and body is not base64") from None


class FunctionUrl:
    """Answers every request with the function."""

    def __init__(self, environments: Environments, progress: Progress = SILENT) -> None:
        self._environments = environments
        self._progress = progress

    async def answer(self, request: Request) -> Reply:
        identifier = request_id(request)
        found = await self._answer(request, identifier)
        return Reply(found.status, found.body, (*found.headers, ("x-amzn-requestid", identifier)))

    async def _answer(self, request: Request, identifier: str) -> Reply:
        if request.too_large:
            return too_large(LIMIT)
        payload = json.dumps(event(request, identifier), ensure_ascii=False).encode()
        if len(payload) > LIMIT:
            return too_large(LIMIT)
        running = self._environments.invoke(payload, forwarded(request, identifier))
        if running is None:
            return throttled()
        try:
            ended = await outcome_of(running, identifier)
            if not ended.failure:
                return reply(ended.payload)
            if ended.broken:
                self._progress.note(f"{request.line}: {ended.failure}")
        except Failure:
            pass  # the environment has told it
        except Malformed as malformed:
            self._progress.note(
                f"{request.line}: the function's result is no HTTP response: {malformed}"
            )
        return _failed()


def _failed() -> Reply:
    return Reply(HTTPStatus.BAD_GATEWAY, b'{"Message":"Internal Server Error"}', (_JSON,))
