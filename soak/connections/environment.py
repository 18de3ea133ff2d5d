"""The Runtime API of an execution environment, one invocation after another."""

from __future__ import annotations

import socket

from soak.runtime_api import ACCEPTED, RuntimeApi, event, reply
from soak.wire import Broken, Message, Reader, no_delay

_PATIENCE = 60.0  # seconds
_NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: soak\r\n\r\n"
_RESULT = (
    b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\nHost: soak\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


class Api(RuntimeApi):
    """Hand out events with ascending numbers, and take all answers."""

    def __init__(self) -> None:
        self._next = 0
        super().__init__(backlog=16)

    def runtime(self, request: Message) -> bytes:
        if not request.line.split(b" ")[1].endswith(b"/next"):
            return reply(b"202 Accepted", ACCEPTED)
        number = self._next
        self._next += 1
        return event(number, b"{}")


class Runtime:
    """A runtime that the wrapper sends to the layer."""

    def __init__(self, port: int) -> None:
        self._sock = no_delay(socket.create_connection(("127.0.0.1", port), _PATIENCE))
        self._reader = Reader(self._sock)

    def next(self) -> bytes:
        """Wait for the next invocation; return its request id."""
        self._sock.sendall(_NEXT)
        return self._message().headers[b"lambda-runtime-aws-request-id"]

    def send(self, request_id: bytes) -> None:
        """Send the function's answer."""
        self._sock.sendall(_RESULT % request_id)
        self._message()

    def _message(self) -> Message:
        message = self._reader.message()
        if message is None:
            raise Broken("the layer has closed the runtime's connection")
        return message

    def close(self) -> None:
        self._sock.close()
