"""The Runtime API of an execution environment, one invocation after another."""

from __future__ import annotations

import socket
import threading
import time

from soak.cases import case
from soak.rules import LONGEST
from soak.upstream import reply
from soak.wire import Broken, Message, Reader, no_delay

_PATIENCE = 60.0  # seconds
_ARN = b"arn:aws:lambda:eu-west-1:123456789012:function:soak"
_NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: soak\r\n\r\n"
_RESULT = (
    b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\nHost: soak\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


class Api:
    """Hand out events with ascending numbers, and take all answers."""

    def __init__(self) -> None:
        self._next = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def leave(self) -> None:
        """Tell the extension that the environment shuts down."""
        self._over.set()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(no_delay(sock),), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        reader = Reader(sock)
        try:
            while (request := reader.message()) is not None:
                sock.sendall(self._answer(request))
        except (Broken, OSError):  # the runtime sees it too
            pass
        finally:
            sock.close()

    def _answer(self, request: Message) -> bytes:
        target = request.line.split(b" ")[1]
        if target.endswith(b"/register"):
            return reply(b"200 OK", b"{}", b"Lambda-Extension-Identifier: soak\r\n")
        if target.endswith(b"/event/next"):
            self._over.wait()
            return reply(b"200 OK", b'{"eventType":"SHUTDOWN","shutdownReason":"spindown"}')
        if not target.endswith(b"/next"):
            return reply(b"202 Accepted", b'{"status":"OK"}\n')
        head = (
            b"Lambda-Runtime-Aws-Request-Id: %b\r\nLambda-Runtime-Deadline-Ms: %d\r\n"
            b"Lambda-Runtime-Invoked-Function-Arn: %b\r\n"
        ) % (case(self._next).id, int((time.time() + LONGEST) * 1000), _ARN)
        self._next += 1
        return reply(b"200 OK", b"{}", head)


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
