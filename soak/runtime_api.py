"""A Runtime API on loopback: a blocking thread for each connection.

`Upstream` and `connections.environment.Api` decide what is answered.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import socket
import threading
import time

from soak.cases import case
from soak.rules import LONGEST
from soak.wire import Broken, Message, Reader, no_delay

ACCEPTED = b'{"status":"OK"}\n'
_ARN = b"arn:aws:lambda:eu-west-1:123456789012:function:soak"


def reply(status: bytes, content: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
    return head % (status, more, len(content), content)


def event(number: int, content: bytes, more: bytes = b"") -> bytes:
    """The event of this invocation, as an answer to a poll."""
    head = (
        b"Lambda-Runtime-Aws-Request-Id: %b\r\nLambda-Runtime-Deadline-Ms: %d\r\n"
        b"Lambda-Runtime-Invoked-Function-Arn: %b\r\n%b"
    ) % (case(number).id, int((time.time() + LONGEST) * 1000), _ARN, more)
    return reply(b"200 OK", content, head)


class RuntimeApi:
    """Serve the extension, and leave the runtime's requests to a subclass."""

    def __init__(self, backlog: int) -> None:
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def leave(self) -> None:
        """Tell the extension that the environment shuts down."""
        self._over.set()

    def runtime(self, request: Message) -> bytes:
        """The answer to a request of the runtime."""
        raise NotImplementedError

    def broken(self, error: Exception) -> None:
        """Note that a connection broke; the runtime sees that too."""

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(no_delay(sock),), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        reader = Reader(sock)
        try:
            while (request := reader.message()) is not None:
                sock.sendall(self._answer(request))
        except (Broken, OSError) as error:
            self.broken(error)
        finally:
            sock.close()

    def _answer(self, request: Message) -> bytes:
        target = request.line.split(b" ")[1]
        if target.endswith(b"/register"):
            identity = b"Lambda-Extension-Identifier: soak\r\n"
            return reply(b"200 OK", b'{"functionName":"soak","handler":"h"}', identity)
        if target.endswith(b"/event/next"):
            self._over.wait()
            return reply(b"200 OK", b'{"eventType":"SHUTDOWN","shutdownReason":"spindown"}')
        return self.runtime(request)
