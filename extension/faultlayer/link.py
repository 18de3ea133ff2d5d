"""One runtime connection and the upstream connection that serves it.

It promises that bytes pass as they came, both ways, large bodies in constant memory, and that a
reused upstream connection that turns out to be closed costs the runtime nothing. It knows HTTP
messages, not faults.
"""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from faultlayer import http1
from faultlayer.http1 import UNTIL_CLOSE
from faultlayer.sockets import SIZE, Gone, Peer, Watch, duplex, stream, wait_while_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http1 import Body
    from faultlayer.pool import Pool

_GATHER = 49152  # bytes: bodies up to this are sent in one piece with their head
MAX_EVENT = 7 << 20  # bytes read for a match: past Lambda's own limit of 6 MB, with framing
_POLL = b"GET "
_HEAD = b"HEAD "
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _TooLong(Exception):
    """More has arrived than is kept."""


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

    def replace(self, content: bytes) -> None:
        """Give what has arrived to its end another content."""
        head = http1.with_length(http1.without(self.head, b"transfer-encoding"), len(content))
        self.data, self.lowered, self.length = head + content, head.lower(), len(content)

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


class Link:
    """The two connections, and the exchanges between them."""

    __slots__ = (
        "_broken",
        "_left",
        "_lock",
        "_pool",
        "_upstream",
        "_waiting",
        "_watch",
        "client",
        "reused",
    )

    def __init__(self, client: Peer, pool: Pool, watch: Watch) -> None:
        self.client = client
        self._pool = pool
        self._watch = watch
        self._upstream: Peer | None = None
        self.reused = False  # whether upstream has answered on this connection before
        # Written by one thread, then the other's read: in this order one of them always sees it.
        self._waiting = b""
        self._left = False
        self._broken = False  # upstream has ended what was begun before it was whole
        self._lock = allocate_lock()  # a connection is not ended after another link has got it
        watch.add(client, self._runtime_left)

    def _runtime_left(self) -> None:
        self._left = True
        with self._lock:
            if self._upstream and self._waiting.startswith(_POLL):
                self._upstream.hang_up()

    def _forsaken(self, request: bytes) -> bool:
        """Whether the runtime left and the request asks on its behalf; its reports still go out."""
        return self._left and request.startswith(_POLL)

    def close(self, *, clean: bool) -> None:
        """End the runtime's connection; keep upstream's where nothing is under way on it."""
        self._watch.remove(self.client)
        self.client.close()
        upstream = self._release()
        if upstream and clean:
            self._pool.put(upstream)
        elif upstream:
            upstream.close()

    def _release(self) -> Peer | None:
        with self._lock:
            upstream, self._upstream = self._upstream, None
        return upstream

    def _drop(self) -> None:
        upstream = self._release()
        if upstream:
            upstream.close()

    def _connected(self) -> Peer:
        if self._upstream is None:
            self._upstream, self.reused = self._pool.get()
        return self._upstream

    def _ready(self) -> Peer:
        """Upstream's connection, a fresh one where the present one is of no use."""
        if self._upstream and self._upstream.stale():
            self._drop()
        return self._connected()

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
        return partly(client, data, lowered, length)

    # -- upstream's side ----------------------------------------------------------------------

    def tell(self, data: bytes) -> bytes:
        """Send a whole request upstream; return the first bytes of what it says to that.

        They are empty where upstream has closed the connection. Raises Gone where the runtime
        leaves meanwhile, OSError where upstream cannot be reached.
        """
        upstream = self._upstream or self._connected()
        self._waiting = data
        if self._left and self._forsaken(data):
            raise Gone("the runtime, while waiting")
        try:
            upstream.send(data)
            answer = upstream.recv(SIZE)
        except ConnectionError:
            answer = upstream.last_words()
        self._waiting = b""
        return answer

    def resume(self, request: bytes, answer: bytes) -> Message:
        """The answer that begins with what `tell(request)` returned.

        Where that is nothing and the connection was reused, it is asked again on a fresh one:
        upstream closes idle connections, and refuses what it had after all seen.
        """
        while not answer:
            again = self.reused
            self._drop()
            if not again:
                raise Gone("upstream, without an answer")
            answer = self.tell(request)
        self.reused = True
        return self._answer(self._connected(), answer, request)

    def ask_whole(self, request: bytes) -> Message:
        """Send a whole request upstream; return the answer as far as it has arrived."""
        return self.resume(request, self.tell(request))

    def ask(self, request: Message) -> Message:
        """Send a request upstream as it came; return the answer as far as it has arrived."""
        if request.body is not None:
            return self._ask_at_length(request)
        return self.ask_whole(request.data)

    def _ask_at_length(self, request: Message) -> Message:
        """Send a request whose body is still arriving; pass on at once what is said meanwhile."""
        body = request.body
        assert body is not None
        while True:
            upstream = self._ready()
            early = Early(self.client, upstream, to_head=request.data.startswith(_HEAD))
            taken = duplex(self.client, upstream, request.data, body, early.hear)
            if taken is None:
                self.reused = True
                return early.answer or self._answered(upstream, early.held, request.data)
            if early.answer is not None:
                self.client.linger()
            if taken or early.answer or early.held or not self.reused:
                raise Gone("upstream, in the middle of a request")
            self._drop()

    def _answered(self, upstream: Peer, data: bytes, request: bytes) -> Message:
        data = data or upstream.recv(SIZE)
        if not data:
            raise Gone("upstream, without an answer")
        return self._answer(upstream, data, request)

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
        length = http1.check_response(length, status, to_head=request.startswith(_HEAD))
        last = http1.closes(lowered) or length == UNTIL_CLOSE
        if 0 <= length <= _GATHER:
            data = upstream.complete(data, len(lowered) + length)
            return Message(data, lowered, length, None, last)
        return partly(upstream, data, lowered, length, last)

    def deliver(self, answer: Message) -> bool:
        """Send upstream's answer to the runtime, as it arrives; whether both stay connected."""
        self.client.send(answer.data)
        if answer.body is not None:
            self._attend()
            self.finish(answer, self.client.send)
            self._waiting = b""
        if answer.last or (self._upstream and self._upstream.pending):
            self._drop()
        if answer.last:
            self.client.linger()
        return not answer.last

    def finish(self, answer: Message, sink: Callable[[bytes], object]) -> None:
        """Hand what has not arrived yet of upstream's answer to `sink`."""
        if answer.body is not None and self._upstream is not None:
            stream(self._upstream, answer.body, sink, None)

    def gather(self, event: Message) -> bytes | None:
        """The content of an event, all of it; None where it is longer than any event can be.

        What is read here stays in the message as it came, to be delivered.
        """
        if event.length >= 0 and event.body is None:
            return event.arrived
        if event.length > MAX_EVENT:
            return None
        content, raw = bytearray(), bytearray(event.data)
        body = http1.body(event.length)
        body.feed(event.arrived, content.extend)

        def keep(data: bytes) -> None:
            raw.extend(data)
            if len(raw) > MAX_EVENT:
                raise _TooLong

        try:
            if event.body is not None and self._upstream is not None:
                self._attend()
                stream(self._upstream, body, keep, content.extend)
                self._waiting = b""
            event.body = None
        except _TooLong:
            event.body = body
        event.data = bytes(raw)
        return bytes(content) if event.body is None else None

    def _attend(self) -> None:
        """Read on for the runtime from here; raises Gone where it has left, then or now."""
        self._waiting = _POLL
        if self._left:
            raise Gone("the runtime, in the middle of an answer")

    # -- what a fault sends or reads itself ---------------------------------------------------

    def begin(self, head: bytes) -> Callable[[bytes], object]:
        """Begin a request of our own; returns what sends the rest of it. End with `hear`.

        Where upstream breaks off before the request is whole, the rest goes nowhere: `hear` tells.
        """
        upstream = self._ready()
        self._broken = False

        def send(data: bytes) -> None:
            if not self._broken:
                try:
                    upstream.send(data)
                except ConnectionError:
                    self._broken = True

        send(head)
        return send

    def hear(self) -> Message:
        """The answer to what was begun."""
        upstream = self._connected()
        self.reused = True
        data = upstream.last_words() if self._broken else b""
        answer = self._answered(upstream, data, b"")
        answer.last = answer.last or self._broken
        return answer

    def hold(self, seconds: float) -> None:
        """Wait this long; raises Gone where the runtime leaves meanwhile."""
        wait_while_open(self.client, seconds, monotonic)

    def encourage(self, request: Message) -> None:
        """Ask for the body of a request that waits for that."""
        if b"100-continue" in http1.header(request.data, request.lowered, b"expect").lower():
            self.client.send(_CONTINUE)

    def content(self, request: Message, out: Callable[[bytes], object]) -> bytes:
        """Give the content of the runtime's request body to `out` as it arrives.

        Returns the raw trailer section, its blank line included, of a chunked body.
        """
        body = http1.body(request.length)
        body.feed(request.arrived, out)
        if not body.done:
            self.encourage(request)
            stream(self.client, body, _nowhere, out)
        return body.trailer if isinstance(body, http1.Chunked) else b""


def _nowhere(data: bytes) -> None:
    pass
