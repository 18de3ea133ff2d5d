"""An HTTP message as it passes, and how much of it has arrived.

Bytes that were read ahead stay with the message, in the pieces in which they came. Nothing is
copied together: so if memory runs out in the middle, nothing is lost.
"""

from __future__ import annotations

from faultlayer.http import framing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faultlayer.http.framing import Body


class Message:
    """A request or a response, from the moment its head has arrived.

    - `data`: its bytes that arrived together with the head, head included
    - `more`: the bytes that were read later
    - `lowered`: the head in lower case
    - `length`: the length of its body, as `framing` has it
    - `body`: the reader of the rest of the body; None if all has arrived
    - `last`: no other message follows on this connection
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
        """The part of the body that is in `data`, in its framing."""
        return self.data[len(self.lowered) :]

    def feed(self, out: Callable[[bytes], object] | None) -> Body:
        """Give the content that has arrived to `out`, if any; return the reader of the rest."""
        body = framing.body(self.length)
        body.feed(self.arrived, out)
        for piece in self.more:
            body.feed(piece, out)
        return body

    def content(self) -> bytes:
        """The content of a body that has arrived completely."""
        if self.length >= 0 and not self.more:
            return self.arrived
        content = bytearray()
        self.feed(content.extend)
        return bytes(content)

    def pieces(self) -> Iterator[bytes]:
        """The pieces that were read ahead; each is released once given: memory may be short."""
        more, self.more = list(self.more), ()
        more.reverse()
        while more:
            yield more.pop()

    def replace(self, content: bytes) -> None:
        """Replace the content of a message that has arrived completely."""
        head = framing.without(self.head, b"transfer-encoding")
        if self.length == framing.UNTIL_CLOSE:  # the connection ends, which is now to be told
            head = framing.with_close(head)
        head = framing.with_length(head, len(content))
        self.data, self.lowered, self.length = head + content, head.lower(), len(content)
        self.more = ()

    @property
    def status(self) -> int:
        """A response's status code."""
        return framing.status_of(self.data)
