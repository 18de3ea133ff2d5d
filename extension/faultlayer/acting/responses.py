"""Results sent to Lambda: those that a fault makes in the function's place, or of its own.

`build` makes the whole result before a byte of it leaves, so a fault that fails leaves the
function's result as it was. A long body is sent in pieces, never copied together with its head.
"""

from __future__ import annotations

from faultlayer.http import framing
from faultlayer.http.framing import CHUNKED, chunk, header
from faultlayer.http.runtime_api import (
    ERROR,
    JSON_HEADERS,
    RESPONSE,
    error_body,
    error_headers,
    post,
)
from faultlayer.jsontext import dump_bytes
from faultlayer.vocabulary.answer import PRELUDE, filled, status_payload
from faultlayer.vocabulary.streamed import HTTP_STREAM, SEPARATOR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from faultlayer.acting.pending import Pending
    from faultlayer.http.message import Message
    from faultlayer.vocabulary.actions import Fail, Respond
    from faultlayer.wire.upstream_side import UpstreamSide

    Parts = tuple[bytes, bytes, int, bytes]

PIECE = 65536  # bytes; a longer body is not copied together with its head


def drop(data: bytes) -> None:
    """Take bytes that are read for their end alone."""


class Responder:
    """Builds results, and sends them to Lambda, for one runtime connection."""

    __slots__ = ("_host", "_upstream")

    def __init__(self, upstream: UpstreamSide, host: bytes) -> None:
        self._upstream = upstream
        self._host = host

    # -- results in the function's place --------------------------------------------------------

    def build_error(self, pending: Pending, action: Fail) -> bytes:
        """A whole request that reports a function error."""
        headers = error_headers(action.error_type)
        body = error_body(action.error_type, action.message)
        return post(pending.request_id, ERROR, self._host, pending.invocation_id, headers, body)

    @staticmethod
    def build_response(action: Respond, streamed: Message | None) -> bytes:
        """The payload of a response with this status, in the form of this stream, if any."""
        fields = status_payload(action.status, action.headers, action.body, action.read)
        whole = dump_bytes(fields)
        if streamed is None or not is_http_stream(streamed):
            return whole
        prelude = {name: fields[name] for name in PRELUDE if name in fields}
        return dump_bytes(prelude) + SEPARATOR + action.body.encode()

    def send_instead(self, pending: Pending, parts: Parts) -> Message:
        """Send a response in the function's place; return Lambda's receipt."""
        about = self._host, pending.invocation_id
        head = post(pending.request_id, RESPONSE, *about, JSON_HEADERS, b"")
        return self.send(head, parts)

    # -- sending --------------------------------------------------------------------------------

    def send(self, head: bytes, parts: Parts, trailer: bytes | None = None) -> Message:
        """Send a result with this head; in chunks if there is a trailer section."""
        start, unit, count, end = parts
        if trailer is None:
            head = framing.with_length(head, len(start) + len(unit) * count + len(end))
        if count or len(start) > PIECE:
            return self.send_pieces(head, filled(*parts), trailer)
        if trailer is None:
            return self._upstream.send(head + start)
        return self._upstream.send(head + chunk(start) + b"0\r\n" + trailer)

    def send_pieces(
        self, head: bytes, pieces: Iterable[bytes], trailer: bytes | None = None
    ) -> Message:
        """The same for a body in pieces."""
        send = self._upstream.begin_request(head)
        for piece in pieces:
            if trailer is None:
                send(piece)
                continue
            for at in range(0, len(piece), PIECE):
                send(chunk(piece[at : at + PIECE]))
        if trailer is not None:
            send(b"0\r\n" + trailer)
        return self._upstream.finish_request()


def is_streamed(result: Message) -> bool:
    """True if the runtime streams this result."""
    mode = header(result.data, result.lowered, b"lambda-runtime-function-response-mode")
    return mode.lower() == b"streaming"


def is_http_stream(result: Message) -> bool:
    """True if the result is streamed, and begins with a prelude of status and headers."""
    kind = header(result.data, result.lowered, b"content-type").lower()
    return is_streamed(result) and kind.startswith(HTTP_STREAM)


def chunked_head(result: Message) -> bytes:
    """The runtime's own head, for a body in chunks."""
    head = framing.without(result.head, b"expect")
    if result.length == CHUNKED:
        return head
    line, _, rest = framing.without(head, b"content-length").partition(b"\n")
    return line + b"\nTransfer-Encoding: chunked\r\n" + rest
