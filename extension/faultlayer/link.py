"""One runtime connection and the upstream connection that serves it.

It promises that bytes pass as they came, both ways, large bodies in constant memory, and that a
reused upstream connection that turns out to be closed costs the runtime nothing. It knows HTTP
messages, not faults.
"""

from __future__ import annotations

from time import monotonic

from faultlayer import http1
from faultlayer.sockets import SIZE, Gone, Peer, Watch, connect, duplex, stream, wait_while_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http1 import Body
    from faultlayer.sockets import Address

_GATHER = 49152  # bytes: bodies up to this are sent in one piece with their head
_IDLE = 64  # upstream connections kept for runtimes that open a connection per request_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Message:
    """A request or a response whose head has arrived.

    `data` is what arrived of it as it came, head included; `end` the index past the head;
    `body` the reader of its body, already fed with what is in data.
    """

    __slots__ = ("body", "data", "end", "lowered", "status")

    def __init__(self, data: bytes, end: int, lowered: bytes, body: Body | None) -> None:
        self.data = data
        self.end = end
        self.lowered = lowered
        self.body = body  # None: all of it is in data
        self.status = 0

    @property
    def head(self) -> bytes:
        return self.data[: self.end]


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

    __slots__ = ("_pool", "_reused", "_upstream", "_watch", "client")

    def __init__(self, client: Peer, pool: Pool) -> None:
        self.client = client
        self._pool = pool
        self._upstream: Peer | None = None
        self._watch: Watch | None = None
        self._reused = False

    def close(self, *, clean: bool) -> None:
        """End the runtime's connection; keep upstream's where nothing is under way on it."""
        self.client.close()
        if self._upstream and clean:
            self._pool.put(self._upstream)
        else:
            self._drop()

    def _drop(self) -> None:
        if self._upstream:
            self._upstream.close()
        self._upstream = self._watch = None

    def _connected(self) -> Peer:
        if self._upstream is None:
            self._upstream, self._reused = self._pool.get()
            self._watch = Watch(self.client, self._upstream)
        return self._upstream

    # -- the runtime's side -------------------------------------------------------------------

    def request(self) -> Message | None:
        """The next request of the runtime, in full where it is small; None at the end."""
        client = self.client
        data = client.take()
        if not data:
            return None
        end = http1.head_end(data)
        if end < 0:
            data, end = client.complete_head(data)
        lowered = data[:end].lower()
        length = http1.request_length(lowered)
        total = end + length
        if total == len(data) and length >= 0:
            return Message(data, end, lowered, None)
        if 0 <= length <= _GATHER and b"\nexpect:" not in lowered:
            if len(data) < total:
                data = client.complete(data, total)
            else:
                data, client.pending = data[:total], data[total:]
            return Message(data, end, lowered, None)
        return self._partly(client, data, end, lowered, length)

    @staticmethod
    def _partly(peer: Peer, data: bytes, end: int, lowered: bytes, length: int) -> Message:
        """A message of which more is to come, perhaps."""
        body = http1.body(length)
        taken = end + body.feed(data[end:])
        data, peer.pending = data[:taken], data[taken:]
        return Message(data, end, lowered, None if body.done else body)

    def reply(self, data: bytes) -> None:
        """Send these bytes to the runtime."""
        self.client.send(data)

    # -- upstream's side ----------------------------------------------------------------------

    def ask(self, request: Message, *, waiting: bool = False) -> Message:
        """Send a request upstream as it came; return the answer as far as it has arrived.

        `waiting`: the answer may take long, so notice where the runtime leaves. Raises Gone
        where either side does, OSError where upstream cannot be reached.
        """
        if request.body is not None:
            return self._ask_at_length(request)
        return self.ask_whole(request.data, waiting=waiting)

    def ask_whole(self, data: bytes, *, waiting: bool = False) -> Message:
        """As `ask`, for a whole request.

        Sent again on a fresh connection where a reused one was closed before it said a word:
        upstream closes idle connections, and refuses what it had after all seen.
        """
        while True:
            upstream = self._connected()
            try:
                self._send_all(upstream, data)
                if waiting and self._watch:
                    self._watch.answer()
                answer = upstream.recv(SIZE)
                if answer:
                    self._reused = True
                    return self._answer(upstream, answer, data[:5] == b"HEAD ")
            except ConnectionError:
                pass
            retry = self._reused
            self._drop()
            if not retry:
                raise Gone("upstream, without an answer")

    @staticmethod
    def _send_all(upstream: Peer, data: bytes) -> None:
        try:
            upstream.send(data)
        except ConnectionError:
            if upstream.closed():  # else it refused before it had read all, and said why
                raise

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
        return self._answer(upstream, data, False)

    def _early(self, upstream: Peer, data: bytes) -> Message:
        """An answer given before the request was whole: pass it on, and end the connection."""
        answer = self._answer(upstream, data, False)
        self.deliver(answer)
        self.client.linger()
        raise Gone("upstream, which answered before the request was whole")

    def _answer(self, upstream: Peer, data: bytes, to_head: bool) -> Message:
        """The final answer that begins with these bytes; interim ones go to the runtime."""
        while True:
            end = http1.head_end(data)
            if end < 0:
                data, end = upstream.complete_head(data)
            status = http1.status_of(data)
            if status >= 200 or status == 101:
                break
            self.client.send(data[:end])
            data = data[end:] or upstream.recv(SIZE)
            if not data:
                raise Gone("upstream, after an interim answer")
        lowered = data[:end].lower()
        length = http1.response_length(lowered, status, to_head=to_head)
        total = end + length
        if length >= 0 and total == len(data):
            answer = Message(data, end, lowered, None)
        elif 0 <= length <= _GATHER and total > len(data):
            answer = Message(upstream.complete(data, total), end, lowered, None)
        else:
            answer = self._partly(upstream, data, end, lowered, length)
        answer.status = status
        return answer

    def deliver(self, answer: Message) -> bool:
        """Send upstream's answer to the runtime, as it arrives; whether both stay connected."""
        self.client.send(answer.data)
        self.finish(answer, self.client.send)
        if http1.closes(answer.lowered) or (answer.body and answer.body.until_close):
            self._drop()
            return False
        return True

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
        return self._answer(upstream, data, False)

    def hold(self, seconds: float) -> None:
        """Wait this long; raises Gone where the runtime leaves meanwhile."""
        wait_while_open(self.client, seconds, monotonic)

    def content(self, request: Message, out: Callable[[bytes], object]) -> bytes:
        """Give the content of the runtime's request body to `out` as it arrives.

        Returns the raw trailer section, its blank line included, of a chunked body.
        """
        length = http1.request_length(request.lowered)
        body = http1.body(length)
        body.feed(request.data[request.end :], out)
        if not body.done:
            if b"100-continue" in http1.header(request.data, request.lowered, b"expect").lower():
                self.client.send(_CONTINUE)
            stream(self.client, body, _nowhere, out)
        return body.trailer if isinstance(body, http1.Chunked) else b""


def _nowhere(data: bytes) -> None:
    pass
