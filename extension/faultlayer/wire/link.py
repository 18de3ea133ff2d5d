"""One runtime connection and the upstream connection that serves it.

It promises that bytes pass as they came, both ways, large bodies in constant memory, and that a
reused upstream connection that turns out to be closed costs the runtime nothing. It knows HTTP
messages, not faults.
"""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from faultlayer.environment.memory import require_memory
from faultlayer.http import framing
from faultlayer.http.framing import UNTIL_CLOSE
from faultlayer.http.message import Message
from faultlayer.wire.early import Early, partly
from faultlayer.wire.sockets import SIZE, Gone, Peer, Watch, duplex, stream, wait_while_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http.framing import Body
    from faultlayer.wire.pool import Pool

_GATHER = 49152  # bytes: bodies up to this are sent in one piece with their head
MAX_EVENT = 7 << 20  # bytes read for a match: past Lambda's own limit of 6 MB, with framing
_POLL = b"GET "
_HEAD = b"HEAD "
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _TooLong(Exception):
    """More has arrived than is kept."""


class Link:
    """The two connections, and the exchanges between them."""

    __slots__ = (
        "_broken",
        "_hearing",
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
        self._hearing = False  # upstream is in the middle of a long answer
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
        elif upstream and self._hearing:
            upstream.reset()
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
        lowered, length = framing.scan(data)
        if not lowered:
            data, lowered, length = client.complete_head(data)
        length = framing.check_request(lowered, length)
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
        if request.more:
            self._begin_with_all(request)
            return self.hear()
        return self.ask_whole(request.data)

    def _begin_with_all(self, request: Message) -> None:
        """Send what has arrived of a request of which more was read ahead; it is not sent twice."""
        send = self.begin(request.data)
        for piece in request.pieces():
            send(piece)

    def _ask_at_length(self, request: Message) -> Message:
        """Send a request whose body is still arriving; pass on at once what is said meanwhile."""
        body = request.body
        assert body is not None
        first = request.data
        if request.more:
            self._begin_with_all(request)
            first, self.reused = b"", False
        while True:
            upstream = self._ready() if first else self._connected()
            early = Early(self.client, upstream, to_head=request.data.startswith(_HEAD))
            taken = duplex(self.client, upstream, first, body, early.hear)
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
            lowered, length = framing.scan(data)
            if not lowered:
                self._attend(request)
                data, lowered, length = upstream.complete_head(data)
                self._waiting = b""
            status = framing.status_of(data)
            if status >= 200 or status == 101:
                break
            self.client.send(data[: len(lowered)])
            data = data[len(lowered) :] or upstream.recv(SIZE)
            if not data:
                raise Gone("upstream, after an interim answer")
        length = framing.check_response(length, status, to_head=request.startswith(_HEAD))
        last = framing.closes(lowered) or length == UNTIL_CLOSE
        if 0 <= length <= _GATHER:
            if len(data) < len(lowered) + length:
                self._attend(request)
            data = upstream.complete(data, len(lowered) + length)
            self._waiting = b""
            return Message(data, lowered, length, None, last)
        return partly(upstream, data, lowered, length, last)

    def deliver(self, answer: Message) -> bool:
        """Send upstream's answer to the runtime, as it arrives; whether both stay connected."""
        self.client.send(answer.data)
        for piece in answer.pieces():
            self.client.send(piece)
        if answer.body is not None:
            self._attend(_POLL)
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
            self._hear_out(self._upstream, answer.body, sink)

    def _hear_out(
        self, upstream: Peer, body: Body, sink: Callable[[bytes], object], *, kept: bool = False
    ) -> None:
        self._hearing = True
        stream(upstream, body, sink, kept=kept)
        self._hearing = False

    def gather(self, event: Message) -> bytes | None:
        """The content of an event, all of it; None where it is longer than any event can be.

        What is read here stays in the message as it came, to be delivered, also where memory has no
        room for all of it, and MemoryError is raised.
        """
        if event.length > MAX_EVENT:
            return None
        if event.body is not None:
            self._read_on(event)
        return event.content() if event.body is None else None

    def _read_on(self, event: Message) -> None:
        """Read an event to its end, or until it is longer than any can be."""
        body, more = event.body, list(event.more)
        assert body is not None
        event.more = more
        size = len(event.data) + sum(map(len, more))

        def keep(data: bytes) -> None:
            nonlocal size
            more.append(data)
            before, size = size, size + len(data)
            if size > MAX_EVENT:
                raise _TooLong
            require_memory(before, size)

        try:
            if self._upstream is not None and size <= MAX_EVENT:
                self._attend(_POLL)
                self._hear_out(self._upstream, body, keep, kept=True)
                self._waiting = b""
                event.body = None
        except _TooLong:
            pass

    def _attend(self, request: bytes) -> None:
        """Read on for the runtime from here; raises Gone where it has left, then or now."""
        self._waiting = request
        if self._forsaken(request):
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
        if b"100-continue" in framing.header(request.data, request.lowered, b"expect").lower():
            self.client.send(_CONTINUE)

    def content(self, request: Message, out: Callable[[bytes], object] | None) -> bytes:
        """Give the content of the runtime's request body to `out`, if to anybody, as it arrives.

        Returns the raw trailer section, its blank line included, of a chunked body.
        """
        body = request.feed(out)
        if not body.done:
            self.encourage(request)
            stream(self.client, body, _nowhere, out)
        return body.trailer if isinstance(body, framing.Chunked) else b""


def _nowhere(data: bytes) -> None:
    pass
