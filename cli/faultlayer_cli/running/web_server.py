"""HTTP as a server, on the loopback address: requests in, one handler answers them.

uvicorn and h11 do the work: keep-alive, HTTP/1.0, chunked bodies, `Expect: 100-continue`, clients
that leave. One thread serves all connections; the handler is a coroutine and must not block it.
The only module that imports `uvicorn`.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT, Progress
from faultlayer_cli.running.ports import LOOPBACK

_BACKLOG = 512  # connections that wait to be accepted
_KEEP_ALIVE = 75  # seconds that an idle connection is kept: longer than clients keep theirs
_LAST_ANSWERS = 1  # seconds for answers to leave at the end
_SHOWN = 200  # characters of a path in a note
_BODILESS = (204, 304)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One request. Header names are in lower case; a header may come more than once."""

    method: str
    path: str  # still percent-encoded
    query: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    too_large: bool = False  # the body is larger than the server takes, and not here
    client: str = LOOPBACK
    port: int = 0  # of the server

    @property
    def line(self) -> str:
        """The request in short, for a note."""
        return f"{self.method} {self.path[:_SHOWN]}"

    def header(self, name: str) -> str:
        """The value of this header; several ones joined by a comma, none is empty."""
        return ",".join(value for key, value in self.headers if key == name)


@dataclass(frozen=True)
class Reply:
    """The answer to a request. The length of the body need not be among the headers."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default_factory=tuple)


Handler = Callable[[Request], Awaitable[Reply]]


class WebServer:
    """Has its port from the beginning; serves from the start until it is closed.

    A body larger than `limit` bytes is not read. If the handler fails, a note says so.
    """

    def __init__(self, port: int | None, limit: int, progress: Progress = SILENT) -> None:
        self._limit = limit
        self._progress = progress
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((LOOPBACK, port or 0))
        except OSError as error:
            self._listener.close()
            raise Failure(f"cannot listen on port {port}: {error.strerror}") from None
        self._listener.listen(_BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self, handler: Handler) -> None:
        import uvicorn  # takes 0.15 s, and `faultlayer local --help` serves nothing
        from uvicorn.protocols.http.h11_impl import H11Protocol

        async def serve(scope: Message, receive: Receive, send: Send) -> None:
            await self._serve(handler, scope, receive, send)

        protocol = type("Protocol", (H11Protocol,), {"eof_received": _answer_before_end})
        logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
        config = uvicorn.Config(
            serve,
            http=protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # it would take a client's word for its address
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_LAST_ANSWERS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), name="web server", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)

    def close(self) -> None:
        """Stop listening, and end every connection."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._listener.close()

    async def _serve(self, handler: Handler, scope: Message, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        try:
            body = await _read(scope["headers"], receive, self._limit)
        except EOFError:
            return  # nobody waits for an answer
        request = Request(
            method=scope["method"],
            path=_path(scope["raw_path"].decode("ascii")),
            query=scope["query_string"].decode("ascii"),
            version=f"HTTP/{scope['http_version']}",
            headers=tuple((name.decode("ascii"), _text(value)) for name, value in scope["headers"]),
            body=body or b"",
            too_large=body is None,
            client=(scope.get("client") or (LOOPBACK,))[0],
            port=self.port,
        )
        try:
            reply = await handler(request)
        except Exception as error:
            self._progress.note(f"{request.line}: internal error: {error!r}")
            reply = Reply(HTTPStatus.INTERNAL_SERVER_ERROR)
        body, headers = reply.body, list(reply.headers)
        if reply.status in _BODILESS:
            body = b""
        elif not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("content-length", str(len(body))))
        raw = [(name.lower().encode("ascii"), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _answer_before_end(protocol: Any) -> bool:
    """True, to keep the connection, if a client has sent all that it will and waits for an answer.

    uvicorn takes the end of a client's stream for its leaving. `nc -N` and others end it after the
    request.
    """
    cycle = protocol.cycle
    if cycle is None or cycle.response_complete or cycle.more_body:
        return False
    cycle.keep_alive = False
    return True


async def _read(headers: list[tuple[bytes, bytes]], receive: Receive, limit: int) -> bytes | None:
    """The body of a request; None if it is larger than the limit.

    The rest of a larger one is read and thrown away by the server, after the answer. Raises
    EOFError if the client leaves before it has sent all.
    """
    length = dict(headers).get(b"content-length", b"0")
    if int(length) > limit:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise EOFError
        body += message["body"]
        if len(body) > limit:
            return None
        if not message["more_body"]:
            return bytes(body)


def _path(target: str) -> str:
    """The path of a request's target, which may be a whole URL, as for a proxy."""
    if target.startswith(("http://", "https://")):
        return "/" + target.partition("://")[2].partition("/")[2]
    return target


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
