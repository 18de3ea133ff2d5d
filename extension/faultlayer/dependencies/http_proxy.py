"""A proxy for HTTP clients of static programs, without the shim.

    client ── CONNECT host:port ──> Dial ──> 200 ──> Link: the relay, with all conditions
    client ── GET http://host/ ───> Plain: request by request
           ── anything else ──────> 4xx

- It is on loopback, and answers only clients that know its password: the function's processes have
  it in their environment. It is never an open proxy.
- A host that cannot be reached gives the client a reset, as near as a proxy comes to a refused
  connection: a status would be an answer. A name that does not resolve gives a tunnel's client 502
  with the resolver's words, which Go shows as its error.
- Hosts that no rule names pass untouched.
"""

from __future__ import annotations

from _socket import IPPROTO_TCP, SHUT_WR, SO_LINGER, SOL_SOCKET, TCP_NODELAY, socket
from time import monotonic

from faultlayer.dependencies import dial, proxy_requests
from faultlayer.dependencies.loop import READ
from faultlayer.dependencies.plain_http import Plain
from faultlayer.dependencies.proxy_requests import MAX_HEAD, TOO_LONG, Refusal
from faultlayer.dependencies.relay import Link, Upstream
from faultlayer.http.framing import head_end
from faultlayer.log import emit
from faultlayer.values.hosts import is_local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.dependencies.conditions import InForce
    from faultlayer.dependencies.loop import Loop
    from faultlayer.dependencies.observed import HostSum, Observed
    from faultlayer.dependencies.proxy_requests import Request
    from faultlayer.dependencies.relay import Relay

_SIZE = 1 << 16  # bytes of one receive, and of those that are kept for a host not yet reached
_LINGER = 1.0  # seconds for a client to read an answer after which its connection ends
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, for no time
_FULL = "too many connections at once for the proxy: further ones wait until others have ended"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_LOOKUPS = {
    dial.NO_SUCH_HOST: (502, "no such host"),
    dial.MISBEHAVING: (502, "server misbehaving"),
    dial.NO_ANSWER: (504, "i/o timeout"),
}


def lookup_failed(name: str, error: str) -> Refusal:
    """The answer for a name that does not resolve, in Go's words."""
    status, words = _LOOKUPS[error]
    return Refusal(status, f"dial tcp: lookup {name}: {words}", f"{name} does not resolve: {words}")


class HttpProxy:
    """Accepts clients. It belongs to the loop's thread."""

    def __init__(
        self, listener: socket, credentials: str, loop: Loop, relay: Relay, in_force: InForce
    ) -> None:
        self.loop = loop
        self.relay = relay
        self.in_force = in_force
        self.allowed = proxy_requests.authorization(credentials)
        self.resolver = dial.Resolver(loop)
        self._observed: Observed | None = None
        self._is_observing: Callable[[], bool] = lambda: False
        self._listener = listener
        self._is_full = False
        self.open = 0  # clients without a link, with two descriptors each
        loop.watch(listener.fileno(), READ, self._accept)

    def sum_up(self, observed: Observed, is_observing: Callable[[], bool]) -> None:
        """Count connections in these sums, while `is_observing()` is true."""
        self._observed, self._is_observing = observed, is_observing

    def _accept(self, events: int) -> None:
        if not self.relay.has_room(self.open):
            if not self._is_full:
                emit("warn", "connections_wait", message=_FULL)
            self._is_full = True
            self.loop.rest(self._listener.fileno())
            return
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return
        except OSError:  # no descriptor is left: it waits in the listener's queue
            self.loop.rest(self._listener.fileno())
            return
        client = socket(fileno=fd)
        client.setblocking(False)
        client.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        Client(self, client)

    def connect_to(self, request: Request, done: dial.Done) -> dial.Dial:
        """Begin to connect to the request's host."""
        connecting = dial.Dial(
            self.loop, self.in_force, self.resolver, request.name, request.port, done
        )
        connecting.sums = self._sums(request)
        self.loop.at(0, connecting.start)
        return connecting

    def _sums(self, request: Request) -> HostSum | None:
        if self._observed is None or not self._is_observing():
            return None
        if is_local(request.name, dial.literal(request.name)):
            return None
        return self._observed.of(request.name, request.port)

    def link(self, connected: dial.Connected, client: socket) -> Link:
        """Let the relay carry this client's bytes to the host, and back."""
        upstream = Upstream(connected.sock, connected.sums, monotonic())
        upstream.connected = True
        return Link(self.relay, connected.host, client, upstream)


class Client:
    """A client of the proxy until its first request is known."""

    def __init__(self, proxy: HttpProxy, sock: socket) -> None:
        self._proxy = proxy
        self._loop = proxy.loop
        self._sock = sock
        self._received = b""
        self._dial: dial.Dial | None = None
        self._name = ""
        self._refused = False
        proxy.open += 1
        self._loop.watch(sock.fileno(), READ, self._on_event)

    def _on_event(self, events: int) -> None:
        try:
            data = self._sock.recv(_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
        elif not self._refused:
            searched = max(0, len(self._received) - 3)
            self._received += data
            if self._dial is None:
                self._read(searched)
            elif len(self._received) >= _SIZE:
                self._loop.change(self._sock.fileno(), 0)

    def _read(self, searched: int) -> None:
        end = head_end(self._received, searched)
        if end < 0:
            if len(self._received) > MAX_HEAD:
                self._refuse(TOO_LONG)
            return
        try:
            request = proxy_requests.read(self._received[:end], self._proxy.allowed)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if not request.tunnel:
            self._loop.forget(self._sock.fileno())
            self._proxy.open -= 1
            Plain(self._proxy, self._sock, self._received)
            return
        self._received = self._received[end:]
        self._name = request.name
        self._dial = self._proxy.connect_to(request, self._connected)

    def _connected(self, connected: dial.Connected | None, error: str) -> None:
        self._dial = None
        if connected is None:
            if error == dial.REFUSED:
                self._sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
                self._close()
            else:
                self._refuse(lookup_failed(self._name, error))
            return
        self._loop.forget(self._sock.fileno())
        self._proxy.open -= 1
        try:
            self._sock.send(_ESTABLISHED)
        except OSError:
            self._sock.close()
            connected.sock.close()
            return
        self._proxy.link(connected, self._sock).begin_with(self._received)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and end.

        Later bytes are still read, or the kernel would reset the connection before the answer
        arrives.
        """
        self._refused = True
        self._received = b""
        try:
            self._sock.send(refusal.answer())
            self._sock.shutdown(SHUT_WR)
        except OSError:
            self._close()
            return
        self._loop.change(self._sock.fileno(), READ)
        self._loop.at(monotonic() + _LINGER, self._close)

    def _close(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
        if self._sock.fileno() >= 0:
            self._proxy.open -= 1
            self._loop.forget(self._sock.fileno())
            self._sock.close()
