"""The connection that a runtime made: its requests are read here, and responses are sent on it."""

from __future__ import annotations

from time import monotonic, sleep

from faultlayer.http import framing
from faultlayer.http.message import Message
from faultlayer.wire.early import partial_message
from faultlayer.wire.sockets import stream, wait_while_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.wire.sockets import Peer, Watch

IN_ONE_PIECE = 49152  # bytes: bodies up to this are read, and sent, in one piece with their head
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RuntimeSide:
    """One connection of the runtime.

    `peer` is the connection, `send` sends bytes on it.
    """

    __slots__ = ("_watch", "peer", "send")

    def __init__(self, peer: Peer, watch: Watch) -> None:
        self.peer = peer
        self.send = peer.send
        self._watch = watch

    def notice_end(self, left: Callable[[], None]) -> None:
        """Call `left`, from another thread, once the runtime has closed its side."""
        self._watch.add(self.peer, left)

    def close(self) -> None:
        """End the connection."""
        self._watch.remove(self.peer)
        self.peer.close()

    def wait(self, seconds: float) -> None:
        """Wait this long; raise Gone if the runtime leaves meanwhile."""
        wait_while_open(self.peer, seconds, monotonic)

    def read_request(self, data: bytes) -> Message:
        """The request that begins with `data`; a small one is read to its end."""
        lowered, length = framing.scan(data)
        if not lowered:
            data, lowered, length = self.peer.complete_head(data)
        length = framing.check_request(lowered, length)
        if 0 <= length <= IN_ONE_PIECE and b"\nexpect:" not in lowered:
            return Message(self.peer.complete(data, len(lowered) + length), lowered, length)
        return partial_message(self.peer, data, lowered, length)

    def send_100_continue(self, request: Message) -> None:
        """Ask for the body, if the request waits to be asked."""
        if b"100-continue" in framing.header(request.data, request.lowered, b"expect").lower():
            self.send(_CONTINUE)

    def read_body(self, request: Message, out: Callable[[bytes], object] | None) -> bytes:
        """Read the request to its end; give its content to `out`, if any, as it arrives.

        Returns the raw trailer section of a chunked body, its blank line included.
        """
        body = request.feed(out)
        if not body.done:
            self.send_100_continue(request)
            stream(self.peer, body, _drop, out)
        return body.trailer if isinstance(body, framing.Chunked) else b""


class NoRuntime(RuntimeSide):
    """In the place of a runtime, for a result that has arrived: nobody reads, and nobody leaves."""

    def __init__(self) -> None:
        self.send = _drop  # type: ignore[assignment]

    def wait(self, seconds: float) -> None:
        """Wait this long."""
        sleep(seconds)


def _drop(data: bytes) -> None:
    """Take bytes that are read for their end alone."""
