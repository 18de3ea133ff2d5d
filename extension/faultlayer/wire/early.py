"""Messages of which part has arrived, and what Lambda says before a request is whole."""

from __future__ import annotations

from faultlayer.http import framing
from faultlayer.http.framing import UNTIL_CLOSE
from faultlayer.http.message import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.wire.sockets import Peer


def partly(peer: Peer, data: bytes, lowered: bytes, length: int, last: bool = False) -> Message:
    """A message from this peer of which more is to come, perhaps."""
    body = framing.body(length)
    taken = len(lowered) + body.feed(data[len(lowered) :])
    data, peer.pending = data[:taken], data[taken:]
    return Message(data, lowered, length, None if body.done else body, last)


class Early:
    """What upstream says before the request is whole: passed on as it comes."""

    def __init__(self, client: Peer, upstream: Peer, *, to_head: bool) -> None:
        self.answer: Message | None = None  # the final one, what arrived of it passed on
        self.held = b""  # of a head that has not arrived to its end
        self._client = client
        self._upstream = upstream
        self._to_head = to_head

    def hear(self, data: bytes) -> None:
        answer = self.answer
        if answer is None:
            self.held += data
            self._heads()
            return
        count = answer.body.feed(data) if answer.body else 0
        self._client.send(data[:count])
        self._upstream.pending += data[count:]
        if answer.body and answer.body.done:
            answer.body = None

    def _heads(self) -> None:
        while self.held:
            lowered, length = framing.scan(self.held)
            if not lowered:
                if len(self.held) > framing.MAX_HEAD:
                    raise framing.ProtocolError("a header block without end")
                return
            status = framing.status_of(self.held)
            if status >= 200 or status == 101:
                length = framing.check_response(length, status, to_head=self._to_head)
                last = framing.closes(lowered) or length == UNTIL_CLOSE
                self.answer = partly(self._upstream, self.held, lowered, length, last)
                self._client.send(self.answer.data)
                self.answer.data = self.held = b""
                return
            self._client.send(self.held[: len(lowered)])
            self.held = self.held[len(lowered) :]
