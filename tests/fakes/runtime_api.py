"""A Runtime API that keeps the documented rules, and refuses whoever breaks them.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
import select
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from fakes.scripted import Conn, Server
from fakes.wire import Message

RUNTIME = "/2018-06-01/runtime/"
EXTENSION = "/2020-01-01/extension/"
LIMIT = (6 << 20) + 100  # bytes of a buffered answer
STREAM_LIMIT = 200 << 20


@dataclass
class Invocation:
    """One event, and what became of it."""

    request_id: str
    payload: bytes = b"{}"
    invocation_id: str = ""
    deadline_ms: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    given: float = 0.0  # when it was handed out, by time.monotonic
    answered: float = 0.0
    kind: str = ""  # response or error
    answer: Message | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def result(self, timeout: float = 10.0) -> Invocation:
        """Itself, once it is answered."""
        assert self.done.wait(timeout), f"{self.request_id} was never answered"
        return self

    @property
    def content(self) -> bytes:
        assert self.answer is not None
        return self.answer.content

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    def event(self) -> bytes:
        """The answer to /next that carries it."""
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", self.request_id),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:f"),
        ]
        if self.deadline_ms is not None:
            headers.append(("Lambda-Runtime-Deadline-Ms", str(self.deadline_ms)))
        if self.invocation_id:
            headers.append(("Lambda-Runtime-Invocation-Id", self.invocation_id))
        headers += [*self.headers, ("Content-Length", str(len(self.payload)))]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + self.payload


def reply(status: int, fields: object = None, *headers: str) -> bytes:
    """An answer with a JSON body."""
    body = json.dumps({"status": "OK"} if fields is None else fields).encode()
    lines = "".join(f"{line}\r\n" for line in headers)
    head = (
        f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\n{lines}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def refusal(status: int, kind: str) -> bytes:
    return reply(status, {"errorMessage": kind, "errorType": kind})


class RuntimeApi(Server):
    """The semantic upstream: `invoke` queues an event and returns what becomes of it."""

    def __init__(self) -> None:
        self.given: dict[str, Invocation] = {}
        self.doubled: list[str] = []  # ids answered again, or never handed out
        self.refused: list[tuple[int, str]] = []
        self.init_errors: list[Message] = []
        self.restored = 0
        self.registrations: list[Message] = []
        self.event_polls = 0
        self.at_registration: list[Any] = []
        self.on_register: Any = lambda: None
        self._queue: list[Invocation] = []
        self._turn = threading.Condition()
        self._stopping = False
        self._count = 0
        super().__init__(self._script)

    # -- what tests do ------------------------------------------------------------------------

    def invoke(self, payload: bytes = b"{}", **given: Any) -> Invocation:
        """Queue an event; answers to its /next tell a deadline of 60 s unless told otherwise."""
        with self._turn:
            self._count += 1
            given.setdefault("request_id", f"{self._count:08d}-1111-2222-3333-444444444444")
            given.setdefault("invocation_id", f"inv-{self._count}")
            given.setdefault("deadline_ms", int((time.time() + 60) * 1000))
            invocation = Invocation(payload=payload, **given)
            self._queue.append(invocation)
            self._turn.notify_all()
        return invocation

    def forget(self) -> None:
        """Drop finished messages: a hundred large ones fill the memory."""
        self.given.clear()
        for conn in self.conns:
            conn.requests.clear()

    def shutdown(self) -> None:
        """Give extensions that wait for an event the SHUTDOWN one."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()

    def wait_polls(self, count: int, timeout: float = 10.0) -> None:
        """Wait until an extension has asked for this many events."""
        with self._turn:
            assert self._turn.wait_for(lambda: self.event_polls >= count, timeout)

    # -- the protocol -------------------------------------------------------------------------

    def _script(self, conn: Conn) -> None:
        while (head := conn.head()) is not None:
            head.connection = conn.index
            length = int(head.header("content-length") or 0)
            streaming = head.header("lambda-runtime-function-response-mode") == "streaming"
            if head.target.endswith("/response") and not streaming and length > LIMIT:
                # Refused before it is read, and the connection ended, as net/http does.
                self.refused.append((413, head.target))
                conn.send(refusal(413, "RequestEntityTooLarge"))
                return
            if (head.header("expect") or "").lower() == "100-continue":
                conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            request = conn.body(head)
            conn.requests.append(request)
            answer = self._answer(conn, request)
            if answer is None:
                return
            conn.send(answer)

    def _answer(self, conn: Conn, request: Message) -> bytes | None:
        route = (request.method, request.target)
        if route == (b"GET", RUNTIME + "invocation/next"):
            return self._next(conn)
        if route == (b"POST", RUNTIME + "init/error"):
            self.init_errors.append(request)
            return reply(202)
        if route == (b"GET", RUNTIME + "restore/next"):
            self.restored += 1
            return reply(200, {})
        if route == (b"POST", RUNTIME + "restore/error"):
            return reply(202)
        if request.target.startswith(EXTENSION):
            return self._extension(conn, request)
        if request.target.startswith(RUNTIME + "invocation/"):
            return self._settle(request)
        return self._refuse(404, "NotFound", request)

    def _refuse(self, status: int, kind: str, request: Message) -> bytes:
        self.refused.append((status, request.target))
        return refusal(status, kind)

    def _hung_up(self, conn: Conn) -> bool:
        """Whether who waits has left: an event given to it then would be lost."""
        poller = select.poll()
        poller.register(conn.sock, select.POLLIN)
        if conn.buffer or not poller.poll(0):
            return False
        return not conn.fill()

    def _next(self, conn: Conn) -> bytes | None:
        with self._turn:
            while not self._queue:
                self._turn.wait(0.05)
                if not self._queue and self._hung_up(conn):
                    return None
            if self._hung_up(conn):
                return None
            invocation = self._queue.pop(0)
            self.given[invocation.request_id] = invocation
        invocation.given = time.monotonic()
        return invocation.event()

    def _settle(self, request: Message) -> bytes:
        request_id, _, kind = request.target[len(RUNTIME + "invocation/") :].partition("/")
        invocation = self.given.get(request_id)
        if kind not in ("response", "error"):
            return self._refuse(404, "NotFound", request)
        if invocation is None or invocation.done.is_set():
            self.doubled.append(request_id)
            return self._refuse(400, "InvalidRequestID", request)
        if (request.header("lambda-runtime-invocation-id") or "") != invocation.invocation_id:
            return self._refuse(400, "InvalidInvocationID", request)
        streaming = request.header("lambda-runtime-function-response-mode") == "streaming"
        if len(request.content) > (STREAM_LIMIT if streaming else LIMIT):
            return self._refuse(413, "RequestEntityTooLarge", request)
        invocation.kind, invocation.answer = kind, request
        invocation.answered = time.monotonic()
        invocation.done.set()
        return reply(202)

    def _extension(self, conn: Conn, request: Message) -> bytes | None:
        what = request.target[len(EXTENSION) :]
        if what == "register":
            self.on_register()
            self.registrations.append(request)
            identity = f"Lambda-Extension-Identifier: id-{len(self.registrations)}"
            return reply(200, {"functionName": "f", "handler": "h"}, identity)
        if what != "event/next" or not request.header("lambda-extension-identifier"):
            return self._refuse(403, "Extension.Forbidden", request)
        with self._turn:
            self.event_polls += 1
            self._turn.notify_all()
            while not self._stopping:
                self._turn.wait(0.05)
                if self._hung_up(conn):
                    return None
        return reply(200, {"eventType": "SHUTDOWN", "shutdownReason": "spindown"})
