"""An HTTP API before a function: requests become events, answers become responses.

In the shape of Lambda's proxy integration, payload format 2.0, as far as browsers see it. Like an
HTTP API without a CORS configuration of its own it passes the function's CORS headers on, and
preflight requests to the function.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Invoke = Callable[[bytes], bytes]
_NO_BODY = (204, 304)


@dataclass
class Response:
    """What the gateway answers."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def event(method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The event of a request."""
    parts = urlsplit(target)
    named = {name.lower(): value for name, value in headers.items()}
    cookies = named.pop("cookie", "")
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    found: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": named,
        "requestContext": {
            "http": {
                "method": method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
            },
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if cookies:
        found["cookies"] = cookies.split("; ")
    if query:
        found["queryStringParameters"] = query
    if body:
        try:
            found["body"] = body.decode()
        except UnicodeDecodeError:
            found["body"] = base64.b64encode(body).decode()
            found["isBase64Encoded"] = True
    return found


def response(payload: bytes) -> Response:
    """The response that a function's answer makes; of an error, and of nonsense, a 500."""
    failed = Response(
        500, [("content-type", "application/json")], b'{"message":"Internal Server Error"}'
    )
    try:
        answer = json.loads(payload)
    except ValueError:
        return failed
    if not isinstance(answer, dict) or "statusCode" not in answer:
        if isinstance(answer, dict) and "errorMessage" in answer:
            return failed
        return Response(200, [("content-type", "application/json")], payload)
    try:
        headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies") or ()]
        body = answer.get("body") or ""
        raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return Response(int(answer["statusCode"]), headers, raw)
    except (AttributeError, TypeError, ValueError):
        return failed


class Gateway:
    """Listens on the loopback address as a context manager, and remembers what was asked."""

    def __init__(self, invoke: Invoke) -> None:
        self.asked: list[tuple[str, int]] = []  # method and status, in order
        self._invoke = invoke
        self._one = threading.Lock()  # the emulator takes one invocation at a time
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                made = gateway.ask(
                    self.command, self.path, dict(self.headers), self.rfile.read(length)
                )
                self.send_response(made.status)
                for name, value in made.headers:
                    self.send_header(name, value)
                if made.status not in _NO_BODY:
                    self.send_header("content-length", str(len(made.body)))
                self.end_headers()
                if self.command != "HEAD" and made.status not in _NO_BODY:
                    self.wfile.write(made.body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

            def log_message(self, format: str, *values: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        with self._one:
            made = response(self._invoke(json.dumps(event(method, target, headers, body)).encode()))
            self.asked.append((method, made.status))
            return made

    def __enter__(self) -> Gateway:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
