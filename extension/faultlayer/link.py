"""One runtime connection and the upstream connection that serves it.

It promises that bytes pass as they came, both ways, large bodies in constant memory, and that a
reused upstream connection that turns out to be closed costs the runtime nothing. It knows HTTP
messages, not faults.
"""

from __future__ import annotations

from time import monotonic

from faultlayer import http1
from faultlayer.http1 import UNTIL_CLOSE
from faultlayer.sockets import SIZE, Gone, Peer, Watch, connect, duplex, stream, wait_while_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http1 import Body
    from faultlayer.sockets import Address

_GATHER = 49152  # bytes: bodies up to this are sent in one piece with their head
_IDLE = 64  # upstream connections kept for runtimes that open a connection per request
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Message:
    """A request or a response whose head has arrived.

    `data` is what arrived of it as it came, head included; `lowered` the head in lower case;
    `length` what http1 says of its body; `body` the reader of what has not arrived yet of it,
    None where all has; `last`: no other follows on this connection.
    """

    __slots__ = ("body", "data", "last", "length", "lowered")

    def __init__(
        self, data: bytes, lowered: bytes, length: int, body: Body | None = None, last: bool = False
    ) -> None:
        self.data = data
        self.lowered = lowered
        self.length = length
        self.body = body
        self.last = last

    @property
    def head(self) -> bytes:
        return self.data[: len(self.lowered)]

    @property
    def arrived(self) -> bytes:
        """What has arrived of the body, in its framing."""
        return self.data[len(self.lowered) :]

    @property
    def status(self) -> int:
        """A response's status code."""
        return http1.status_of(self.data)


class Pool:
    """Upstream connections waiting for their next use."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[Peer] = []

    def get(self) -> tuple[Peer, bool]:
        """A connection, and whether it was in use before."""
        while self._idle:
            try:
                peer = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not peer.closed():
                return peer, True
            peer.close()
        return connect(self.address), False

    def put(self, peer: Peer) -> None:
        """Keep a connection on which nothing is under way."""
        if len(self._idle) < _IDLE:
            self._idle.append(peer)
        else:
            peer.close()


class Link:
    """The two connections, and the exchanges between them."""

    __slots__ = ("_left", "_pool", "_reused", "_upstream", "_waiting", "_watch", "client")

    def __init__(self, client: Peer, pool: Pool, watch: Watch) -> None:
        self.client = client
        self._pool = pool
        self._watch = watch
        self._upstream: Peer | None = None
        self._reused = False
        # Written by one thread, then the other's read: in this order one of them always sees it.
        self._waiting = self._left = False
        watch.add(client, self._runtime_left)

    def _runtime_left(self) -> None:
        self._left = True
        if self._waiting and self._upstream:
            self._upstream.hang_up()

    def close(self, *, clean: bool) -> None:
        """End the runtime's connection; keep upstream's where nothing is under way on it."""
        self._watch.remove(self.client)
        self.client.close()
        upstream, self._upstream = self._upstream, None
        if upstream and clean:
            self._pool.put(upstream)
        elif upstream:
            upstream.close()

    def _drop(self) -> None:
        if self._upstream:
            self._upstream.close()
        self._upstream = None

    def _connected(self) -> Peer:
        if self._upstream is None:
            self._upstream, self._reused = self._pool.get()
        return self._upstream

    # -- the runtime's side -------------------------------------------------------------------

    def request(self, data: bytes) -> Message:
        """The request that begins with data, in full where it is small."""
        client = self.client
        lowered, length = http1.scan(data)
        if not lowered:
            data, lowered, length = client.complete_head(data)
        length = http1.check_request(lowered, length)
        if 0 <= length <= _GATHER and b"\nexpect:" not in lowered:
            return Message(client.complete(data, len(lowered) + length), lowered, length)
        return self._partly(client, data, lowered, length)

    @staticmethod
    def _partly(
        peer: Peer, data: bytes, lowered: bytes, length: int, last: bool = False
    ) -> Message:
        """A message of which more is to come, perhaps."""
        body = http1.body(length)
        taken = len(lowered) + body.feed(data[len(lowered) :])
        data, peer.pending = data[:taken], data[taken:]
        return Message(data, lowered, length, None if body.done else body, last)

    # -- upstream's side ----------------------------------------------------------------------

    def tell(self, data: bytes) -> bytes:
        """Send a whole request upstream; return the first bytes of what it says to that.

        They are empty where upstream has closed the connection. Raises Gone where the runtime
        leaves meanwhile, OSError where upstream cannot be reached.
        """
        upstream = self._upstream or self._connected()
        self._waiting = True
        if self._left:
            raise Gone("the runtime, while waiting")
        try:
            upstream.send(data)
            return upstream.recv(SIZE)
        except ConnectionError:
            return self._last_words(upstream)
        finally:
            self._waiting = False

    @staticmethod
    def _last_words(upstream: Peer) -> bytes:
        """What upstream said before it broke off: it may refuse what it has not read to the end."""
        try:
            return b"" if upstream.closed() else upstream.recv(SIZE)
        except ConnectionError:
            return b""

    def resume(self, request: bytes, answer: bytes) -> Message:
        """The answer that begins with what `tell(request)` returned.

        Where that is nothing and the connection was reused, it is asked again on a fresh one:
        upstream closes idle connections, and refuses what it had after all seen.
        """
        while not answer:
            again = self._reused and not self._left
            self._drop()
            if not again:
                raise Gone("upstream, without an answer")
            answer = self.tell(request)
        self._reused = True
        upstream = self._connected()
        return self._answer(upstream, answer, request)

    def ask_whole(self, request: bytes) -> Message:
        """Send a whole request upstream; return the answer as far as it has arrived."""
        return self.resume(request, self.tell(request))

    def ask(self, request: Message) -> Message:
        """Send a request upstream as it came; return the answer as far as it has arrived."""
        if request.body is not None:
            return self._ask_at_length(request)
        return self.ask_whole(request.data)

    def _ask_at_length(self, request: Message) -> Message:
        """Send a request whose body is still arriving."""
        if self._upstream and self._upstream.closed():
            self._drop()
        upstream = self._connected()
        body = request.body
        assert body is not None
        early: list[bytes] = []

        def heard(data: bytes) -> bytes | None:
            early.append(data)
            joined = b"".join(early)
            end = http1.head_end(joined)
            if end < 0:
                return None
            if http1.status_of(joined) >= 200:
                return joined
            self.client.send(joined[:end])
            early[:] = [joined[end:]] if joined[end:] else []
            return heard(b"") if early else None

        data = duplex(self.client, upstream, request.data, body, heard)
        if data:
            return self._early(upstream, data)
        self._reused = True
        data = b"".join(early) or upstream.recv(SIZE)
        if not data:
            raise Gone("upstream, without an answer")
        return self._answer(upstream, data, b"")

    def _early(self, upstream: Peer, data: bytes) -> Message:
        """An answer given before the request was whole: pass it on, and end the connection."""
        answer = self._answer(upstream, data, b"")
        self.deliver(answer)
        self.client.linger()
        raise Gone("upstream, which answered before the request was whole")

    def _answer(self, upstream: Peer, data: bytes, request: bytes) -> Message:
        """The final answer that begins with these bytes; interim ones go to the runtime."""
        while True:
            lowered, length = http1.scan(data)
            if not lowered:
                data, lowered, length = upstream.complete_head(data)
            status = http1.status_of(data)
            if status >= 200 or status == 101:
                break
            self.client.send(data[: len(lowered)])
            data = data[len(lowered) :] or upstream.recv(SIZE)
            if not data:
                raise Gone("upstream, after an interim answer")
        length = http1.check_response(length, status, to_head=request.startswith(b"HEAD "))
        last = http1.closes(lowered) or length == UNTIL_CLOSE
        if 0 <= length <= _GATHER:
            data = upstream.complete(data, len(lowered) + length)
            return Message(data, lowered, length, None, last)
        return self._partly(upstream, data, lowered, length, last)

    def deliver(self, answer: Message) -> bool:
        """Send upstream's answer to the runtime, as it arrives; whether both stay connected."""
        self.client.send(answer.data)
        if answer.body is not None:
            self.finish(answer, self.client.send)
        if answer.last:
            self._drop()
        return not answer.last

    def finish(self, answer: Message, sink: Callable[[bytes], object]) -> None:
        """Hand what has not arrived yet of upstream's answer to `sink`."""
        if answer.body is not None and self._upstream is not None:
            stream(self._upstream, answer.body, sink, None)

    # -- what a fault sends or reads itself ---------------------------------------------------

    def begin(self, head: bytes) -> Callable[[bytes], object]:
        """Begin a request of our own; returns what sends the rest of it. End with `hear`."""
        if self._upstream and self._upstream.closed():
            self._drop()
        upstream = self._connected()
        upstream.send(head)
        return upstream.send

    def hear(self) -> Message:
        """The answer to what was begun."""
        upstream = self._connected()
        data = upstream.recv(SIZE)
        if not data:
            raise Gone("upstream, without an answer")
        self._reused = True
        return self._answer(upstream, data, b"")

    def hold(self, seconds: float) -> None:
        """Wait this long; raises Gone where the runtime leaves meanwhile."""
        wait_while_open(self.client, seconds, monotonic)

    def content(self, request: Message, out: Callable[[bytes], object]) -> bytes:
        """Give the content of the runtime's request body to `out` as it arrives.

        Returns the raw trailer section, its blank line included, of a chunked body.
        """
        body = http1.body(request.length)
        body.feed(request.arrived, out)
        if not body.done:
            if b"100-continue" in http1.header(request.data, request.lowered, b"expect").lower():
                self.client.send(_CONTINUE)
            stream(self.client, body, _nowhere, out)
        return body.trailer if isinstance(body, http1.Chunked) else b""


def _nowhere(data: bytes) -> None:
    pass
