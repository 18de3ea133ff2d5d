"""Messages of which a part has arrived, and responses that begin before their request is whole."""

from __future__ import annotations

from faultlayer.http import framing
from faultlayer.http.framing import UNTIL_CLOSE
from faultlayer.http.message import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.wire.sockets import Peer


def partial_message(
    peer: Peer, data: bytes, lowered: bytes, length: int, last: bool = False
) -> Message:
    """A message of which these bytes have arrived; those past its end stay pending at the peer."""
    body = framing.body(length)
    taken = len(lowered) + body.feed(data[len(lowered) :])
    data, peer.pending = data[:taken], data[taken:]
    return Message(data, lowered, length, None if body.done else body, last)


class EarlyResponse:
    """A response that begins before the request is whole: passed on at once, as it comes.

    `response` is the final one, None before its head has arrived; `head` the bytes of a head that
    is not complete.
    """

    def __init__(self, client: Peer, upstream: Peer, *, to_head: bool) -> None:
        self.response: Message | None = None
        self.head = b""
        self._client = client
        self._upstream = upstream
        self._to_head = to_head

    def receive(self, data: bytes) -> None:
        """Take bytes that Lambda sent, and pass them on."""
        response = self.response
        if response is None:
            self.head += data
            self._read_heads()
            return
        count = response.body.feed(data) if response.body else 0
        self._client.send(data[:count])
        self._upstream.pending += data[count:]
        if response.body and response.body.done:
            response.body = None

    def _read_heads(self) -> None:
        while self.head:
            lowered, length = framing.scan(self.head)
            if not lowered:
                if len(self.head) > framing.MAX_HEAD:
                    raise framing.ProtocolError("a header block without end")
                return
            status = framing.status_of(self.head)
            if status >= 200 or status == 101:
                length = framing.check_response(length, status, to_head=self._to_head)
                last = framing.closes(lowered) or length == UNTIL_CLOSE
                self.response = partial_message(self._upstream, self.head, lowered, length, last)
                self._client.send(self.response.data)
                self.response.data = self.head = b""
                return
            self._client.send(self.head[: len(lowered)])
            self.head = self.head[len(lowered) :]
