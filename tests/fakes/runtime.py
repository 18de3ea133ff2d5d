"""A runtime as raw as can be: what a runtime interface client does, byte by byte."""

from __future__ import annotations

from fakes.wire import Message, Wire

NEXT = (
    b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"
    b"Host: 127.0.0.1:9001\r\nUser-Agent: fake-runtime\r\n\r\n"
)
STREAMING = b"Lambda-Runtime-Function-Response-Mode: streaming\r\n"
HTTP_STREAM = b"Content-Type: application/vnd.awslambda.http-integration-response\r\n"


def posted(request_id: str, what: str, headers: bytes, body: bytes) -> bytes:
    """A whole POST with a sized body."""
    line = f"POST /2018-06-01/runtime/invocation/{request_id}/{what} HTTP/1.1\r\n".encode()
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return line + b"Host: 127.0.0.1:9001\r\n" + headers + length + body


def stream_head(request_id: str, headers: bytes) -> bytes:
    """The head of a streamed answer."""
    line = f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\n".encode()
    return (
        line
        + b"Host: 127.0.0.1:9001\r\n"
        + STREAMING
        + headers
        + b"Transfer-Encoding: chunked\r\n\r\n"
    )


def chunked(*pieces: bytes, trailers: bytes = b"") -> bytes:
    """A chunked body of these pieces."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return framed + b"0\r\n" + trailers + b"\r\n"


def echo(event: Message) -> bytes:
    """The header line by which an answer names the invocation it belongs to."""
    name = event.header("lambda-runtime-invocation-id")
    return f"Lambda-Runtime-Invocation-Id: {name}\r\n".encode() if name else b""


class Runtime:
    """One connection of a runtime."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.wire = Wire.to(address)

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def ask(self, request: bytes) -> Message:
        self.wire.send(request)
        return self.wire.response()

    def next(self) -> Message:
        """The next event."""
        event = self.ask(NEXT)
        assert event.status == 200, event.raw
        return event

    @staticmethod
    def id_of(event: Message) -> str:
        name = event.header("lambda-runtime-aws-request-id")
        assert name
        return name

    def respond(self, event: Message, body: bytes, headers: bytes = b"") -> Message:
        return self.ask(posted(self.id_of(event), "response", echo(event) + headers, body))

    def fail(self, event: Message, body: bytes = b'{"errorType":"E"}') -> Message:
        headers = echo(event) + b"Lambda-Runtime-Function-Error-Type: E\r\n"
        return self.ask(posted(self.id_of(event), "error", headers, body))

    def stream(
        self, event: Message, *pieces: bytes, headers: bytes = b"", trailers: bytes = b""
    ) -> Message:
        """Answer with a stream of these pieces."""
        self.wire.send(stream_head(self.id_of(event), echo(event) + headers))
        for piece in pieces:
            self.wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wire.send(b"0\r\n" + trailers + b"\r\n")
        return self.wire.response()

    def turn(self, body: bytes = b'"done"') -> str:
        """A whole invocation; the id of its request."""
        event = self.next()
        assert self.respond(event, body).status == 202
        return self.id_of(event)


RESPONSE = posted("1", "response", b"", b'{"a":1}')
LARGE = posted("1", "response", b"", b"x" * 400_000)
IDS = ["next", "response", "large"]


def well(address: tuple[str, int]) -> None:
    """The proxy serves the next exchange rightly."""
    with Runtime(address) as runtime:
        assert runtime.ask(NEXT).content == b"ok"
        assert runtime.ask(posted("9", "response", b"", b"1")).content == b"ok"
