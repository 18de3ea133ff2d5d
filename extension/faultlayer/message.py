"""HTTP messages as they pass: what has arrived of one, and what upstream says too early.

It promises that what was read ahead of a message stays with it as it came, in the pieces in which
it came: nothing is copied together, so running out of memory in the middle loses nothing.
"""

from __future__ import annotations

from faultlayer import http1
from faultlayer.http1 import UNTIL_CLOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faultlayer.http1 import Body
    from faultlayer.sockets import Peer


class Message:
    """A request or a response whose head has arrived.

    `data` is what arrived of it as it came, head included; `more` what was read after that;
    `lowered` the head in lower case; `length` what http1 says of its body; `body` the reader of
    what has not arrived yet of it, None where all has; `last`: no other follows on this connection.
    """

    __slots__ = ("body", "data", "last", "length", "lowered", "more")

    def __init__(
        self, data: bytes, lowered: bytes, length: int, body: Body | None = None, last: bool = False
    ) -> None:
        self.data = data
        self.lowered = lowered
        self.length = length
        self.body = body
        self.last = last
        self.more: Sequence[bytes] = ()

    @property
    def head(self) -> bytes:
        return self.data[: len(self.lowered)]

    @property
    def arrived(self) -> bytes:
        """What has arrived of the body, in its framing, `more` apart."""
        return self.data[len(self.lowered) :]

    def feed(self, out: Callable[[bytes], object] | None) -> Body:
        """Give the content of what has arrived to `out`, if any; returns the reader of the rest."""
        body = http1.body(self.length)
        body.feed(self.arrived, out)
        for piece in self.more:
            body.feed(piece, out)
        return body

    def content(self) -> bytes:
        """The content of a body that has arrived to its end."""
        if self.length >= 0 and not self.more:
            return self.arrived
        content = bytearray()
        self.feed(content.extend)
        return bytes(content)

    def pieces(self) -> Iterator[bytes]:
        """What was read ahead, each piece let go of once it is given: memory may be short."""
        more, self.more = list(self.more), ()
        more.reverse()
        while more:
            yield more.pop()

    def replace(self, content: bytes) -> None:
        """Give what has arrived to its end another content."""
        head = http1.with_length(http1.without(self.head, b"transfer-encoding"), len(content))
        self.data, self.lowered, self.length = head + content, head.lower(), len(content)
        self.more = ()

    @property
    def status(self) -> int:
        """A response's status code."""
        return http1.status_of(self.data)


def partly(peer: Peer, data: bytes, lowered: bytes, length: int, last: bool = False) -> Message:
    """A message from this peer of which more is to come, perhaps."""
    body = http1.body(length)
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
            lowered, length = http1.scan(self.held)
            if not lowered:
                if len(self.held) > http1.MAX_HEAD:
                    raise http1.ProtocolError("a header block without end")
                return
            status = http1.status_of(self.held)
            if status >= 200 or status == 101:
                length = http1.check_response(length, status, to_head=self._to_head)
                last = http1.closes(lowered) or length == UNTIL_CLOSE
                self.answer = partly(self._upstream, self.held, lowered, length, last)
                self._client.send(self.answer.data)
                self.answer.data = self.held = b""
                return
            self._client.send(self.held[: len(lowered)])
            self.held = self.held[len(lowered) :]
