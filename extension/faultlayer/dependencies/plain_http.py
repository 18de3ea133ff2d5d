"""Plain HTTP by a proxy: each request may be for another host.

    client ── GET http://a/ ──> rewritten ──> inner ═ outer ── Link ──> a     (then another: ──> b)

`inner` and `outer` are the two ends of a connection on loopback. So the relay carries plain
requests as it carries all else, with all conditions, and a reset that it makes is one for the
client, too. A request for another host waits until the answers of the first one are there. After
101 (Upgrade), or an answer that is no HTTP, bytes pass as they come.

Each request is complete here before it leaves (`_advance`): its head, its host, its method.
"""

from __future__ import annotations

from _socket import (
    AF_INET,
    SHUT_WR,
    SO_LINGER,
    SOCK_CLOEXEC,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)
from time import monotonic

from faultlayer.dependencies import proxy_requests
from faultlayer.dependencies.loop import READ, WRITE
from faultlayer.dependencies.proxy_requests import MAX_HEAD, TOO_LONG, Refusal
from faultlayer.http import framing
from faultlayer.http.framing import head_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.dependencies.dial import Connected, Dial
    from faultlayer.dependencies.http_proxy import HttpProxy
    from faultlayer.dependencies.proxy_requests import Request

_SIZE = 1 << 16  # bytes of one receive
_MOST = 1 << 18  # bytes that are kept for one side
_LINGER = 1.0  # seconds for a client to read an answer after which its connection ends
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, for no time


def pair() -> tuple[socket, socket]:
    """The two ends of a connection on loopback. Raises OSError."""
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    one: socket | None = None
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)
        one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
        one.connect(listener.getsockname())
        while True:
            fd, peer = listener._accept()  # type: ignore[attr-defined]
            other = socket(fileno=fd)
            if peer == one.getsockname():
                break
            other.close()  # another process came first
    except OSError:
        if one is not None:
            one.close()
        raise
    finally:
        listener.close()
    one.setblocking(False)
    other.setblocking(False)
    return one, other


class Side:
    """One of the two connections: its unsent bytes and its watched events."""

    __slots__ = ("ended", "mask", "out", "shut", "sock")

    def __init__(self, sock: socket) -> None:
        self.sock = sock
        self.out = bytearray()
        self.mask = READ
        self.ended = False  # no more comes from it
        self.shut = False  # no more goes to it

    def flush(self) -> None:
        """Send as many bytes as the kernel takes. Raises OSError."""
        try:
            while self.out:
                del self.out[: self.sock.send(self.out)]
        except BlockingIOError:
            pass


class Plain:
    """A client's connection for plain requests."""

    def __init__(self, proxy: HttpProxy, client: socket, received: bytes) -> None:
        self._proxy = proxy
        self._loop = proxy.loop
        self._client = Side(client)
        self._inner: Side | None = None
        self._place = ("", 0)  # host and port that `inner` leads to
        self._received = bytearray(received)
        self._body: framing.Body | None = None  # of the request that is passing
        self._asked: list[bool] = []  # requests without an answer yet: true for HEAD
        self._next: Request | None = None  # waits for its host
        self._dial: Dial | None = None
        self._got = bytearray()  # of an answer's head
        self._answer: framing.Body | None = None  # that is passing
        self._last = False  # this answer ends the connection
        self._raw = False  # no more requests: bytes pass as they come
        self._ending = False  # the connection ends once all is sent
        self._refused = False  # a request was answered here: the client reads that, and leaves
        proxy.open += 1
        self._loop.watch(client.fileno(), READ, self._on_client)
        self._advance()
        self._settle()

    # -- events ---------------------------------------------------------------------------------

    def _on_client(self, events: int) -> None:
        self._on_event(self._client, events, self._from_client)

    def _on_inner(self, events: int) -> None:
        if self._inner is not None:
            self._on_event(self._inner, events, self._from_host)

    def _on_event(self, side: Side, events: int, take: Callable[[bytes], None]) -> None:
        try:
            if events & WRITE:
                side.flush()
            if events & ~WRITE:
                data = side.sock.recv(_SIZE)
                side.ended = not data
                take(data)
        except BlockingIOError:
            pass
        except OSError:
            self._reset()
            return
        self._settle()

    def _from_client(self, data: bytes) -> None:
        if self._ending or self._refused:
            return
        self._received += data
        self._advance()

    def _from_host(self, data: bytes) -> None:
        if data:
            self._pass_answer(data)
        else:  # it is over, as if the client were connected to the host
            self._client.out += self._got
            self._got.clear()
            self._ending = True

    # -- requests -------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Forward the requests that have arrived, if their host is connected."""
        while self._received and self._dial is None and not self._ending:
            if self._raw or self._body is not None:
                self._pass_body()
                continue
            end = head_end(self._received)
            if end < 0:
                if len(self._received) > MAX_HEAD:
                    self._refuse(TOO_LONG)
                return
            try:
                request = proxy_requests.read(bytes(self._received[:end]), self._proxy.allowed)
                if request.tunnel:
                    raise proxy_requests.bad("a tunnel begins with a connection's first request")
            except Refusal as refusal:
                self._refuse(refusal)
                return
            if self._inner is None or self._place != (request.name, request.port):
                if self._asked:
                    return  # until the other host has answered
                self._leave_host()
                self._next = request
                self._dial = self._proxy.connect_to(request, self._connected)
            del self._received[:end]
            if self._dial is None:
                self._send(request)

    def _pass_body(self) -> None:
        assert self._inner is not None
        data = bytes(self._received)
        count = len(data)
        if self._body is not None:
            try:
                count = self._body.feed(data)
            except framing.ProtocolError:  # the host may judge it
                self._raw, self._body = True, None
            else:
                self._body = None if self._body.done else self._body
        self._inner.out += data[:count]
        del self._received[:count]

    def _send(self, request: Request) -> None:
        assert self._inner is not None
        self._inner.out += request.head
        self._asked.append(request.is_head)
        body = framing.body(request.length)
        self._body = None if body.done else body

    def _connected(self, connected: Connected | None, error: str) -> None:
        self._dial = None
        request, self._next = self._next, None
        if connected is None or request is None:
            self._reset()
            return
        try:
            inner, outer = pair()
        except OSError:
            connected.sock.close()
            self._reset()
            return
        self._proxy.link(connected, outer)
        self._inner = Side(inner)
        self._place = (request.name, request.port)
        self._loop.watch(inner.fileno(), READ, self._on_inner)
        self._send(request)
        self._advance()
        self._settle()

    # -- answers --------------------------------------------------------------------------------

    def _pass_answer(self, data: bytes) -> None:
        self._got += data
        while self._got:
            if self._raw:
                count = len(self._got)
            elif self._answer is None:
                count = self._begin_answer()
            else:
                count = self._feed_answer(self._answer)
            if not count:
                return
            self._client.out += self._got[:count]
            del self._got[:count]
            if self._answer is not None and self._answer.done:
                self._end_answer()

    def _begin_answer(self) -> int:
        """Read the head of an answer; its length (bytes), 0 if incomplete."""
        end = head_end(self._got)
        if end < 0 and len(self._got) <= framing.MAX_HEAD:
            return 0
        try:
            head = bytes(self._got[: max(end, 0)])
            lowered, length = framing.scan(head)
            status = framing.status_of(head)
            to_head = bool(self._asked and self._asked[0])
            length = framing.check_response(length, status, to_head=to_head)
            self._last = framing.closes(lowered)
        except framing.ProtocolError:
            self._raw = True
            return len(self._got)
        if status == 101:
            self._raw = True
        elif status >= 200:
            self._answer = framing.body(length)
        return end

    def _feed_answer(self, answer: framing.Body) -> int:
        try:
            return answer.feed(bytes(self._got))
        except framing.ProtocolError:
            self._raw = True
            return len(self._got)

    def _end_answer(self) -> None:
        self._answer = None
        del self._asked[:1]
        if self._last:
            self._ending = True
        elif not self._asked:
            self._advance()

    # -- the end --------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Send pending bytes, watch for the next events, and close ended connections."""
        client, inner = self._client, self._inner
        try:
            client.flush()
            if inner is not None:
                inner.flush()
        except OSError:
            self._reset()
            return
        if client.ended and not self._awaited():
            self._close()
            return
        if self._ending and not client.out:
            self._close()
            return
        if inner is not None and client.ended and not inner.out and not inner.shut:
            inner.shut = True
            try:
                inner.sock.shutdown(SHUT_WR)
            except OSError:  # the relay has reset it just now
                self._reset()
                return
        kept = len(self._received) + (len(inner.out) if inner is not None else 0)
        self._watch(client, readable=kept < _MOST and not self._ending, handler=self._on_client)
        if inner is not None:
            self._watch(inner, readable=len(client.out) < _MOST, handler=self._on_inner)

    def _awaited(self) -> bool:
        """True if the client awaits bytes after its own last byte."""
        return self._dial is None and bool(self._asked or self._client.out or self._raw)

    def _watch(self, side: Side, *, readable: bool, handler: Callable[[int], None]) -> None:
        """Watch this side for the events it waits for.

        An ended side is not watched for reading: epoll would report the end again and again.
        """
        mask = (READ if readable and not side.ended else 0) | (WRITE if side.out else 0)
        if mask == side.mask:
            return
        if not side.mask:
            self._loop.watch(side.sock.fileno(), mask, handler)
        elif not mask:
            self._loop.forget(side.sock.fileno())
        else:
            self._loop.change(side.sock.fileno(), mask)
        side.mask = mask

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in the host's place and end; discard later bytes."""
        self._refused = True
        self._received.clear()
        self._client.out += refusal.answer()
        try:
            self._client.flush()
            self._client.sock.shutdown(SHUT_WR)
        except OSError:
            pass
        self._client.out.clear()
        self._leave_host()
        self._loop.at(monotonic() + _LINGER, self._close)

    def _leave_host(self) -> None:
        if self._inner is not None:
            self._loop.forget(self._inner.sock.fileno())
            self._inner.sock.close()
            self._inner = None

    def _reset(self) -> None:
        """Reset the client's connection, after the bytes that came before the reset."""
        try:
            self._client.flush()
            self._client.sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        except OSError:
            pass
        self._close()

    def _close(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        self._leave_host()
        self._ending = True
        if self._client.sock.fileno() >= 0:
            self._proxy.open -= 1
            self._loop.forget(self._client.sock.fileno())
            self._client.sock.close()
