"""Carries the function's connections to their hosts, with the disturbances in force.

    client ──▶ Way ──▶ host        each Way: receive ─▶ conditions ─▶ pieces, each due ─▶ send
    client ◀── Way ◀── host

- One port on loopback for each host: a connection to it is one to that host. The connection to the
  host is begun with the question, so a host that refuses at once is left to the kernel.
- Without a condition, bytes pass at once and are never kept. Each piece of a late connection leaves
  at its arrival plus the delay, so lateness costs no throughput.
- A side that reads slowly holds up the other (MOST_KEPT), as it would without the relay.
- The end of a stream, a half-closed connection and a reset pass on as what they are.
"""

from __future__ import annotations

from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_TCP,
    SHUT_WR,
    SO_ERROR,
    SO_LINGER,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    socket,
)
from errno import EINPROGRESS
from time import monotonic

from faultlayer.dependencies.conditions import Host
from faultlayer.dependencies.loop import ENDED, FAILED, READ, WRITE
from faultlayer.values.hosts import address_text
from faultlayer.vocabulary.disturbances import BadHandshake, Cut, Late, Slow, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.dependencies.conditions import Condition, InForce
    from faultlayer.dependencies.loop import Loop
    from faultlayer.dependencies.observed import HostSum

_SIZE = 1 << 18  # bytes of one receive
MOST_KEPT = 1 << 23  # bytes that one direction of one connection keeps: delay times throughput
_ALL_KEPT = 1 << 25  # bytes that all connections keep together
_TICKS = 50  # pieces a second that a slow connection's bytes leave in
_MOST_PORTS = 256  # hosts with a port of their own at once
_UNUSED = 5.0  # seconds until a connection to a host is closed that no client came for
_DOWN = 1.0  # seconds for which a host that did not answer is left to the kernel
_BACKLOG = 1024
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, for no time
_CLIENT_HELLO = 1
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure (RFC 8446, section 6)
_GARBAGE = b"\x00\xff" * 32


class Port:
    """A loopback port that stands for a host. `ready`: connections to it, begun and unused.

    `sums`: where its connections are counted; None if they are not.
    """

    __slots__ = ("down_until", "host", "listener", "ready", "sums")

    def __init__(self, host: Host, listener: socket) -> None:
        self.host = host
        self.listener = listener
        self.ready: list[Upstream] = []
        self.down_until = 0.0
        self.sums: HostSum | None = None


class Upstream:
    """A connection to a host that has begun. `error`: why it failed; 0 if it has not."""

    __slots__ = ("begun", "connected", "error", "link", "sock", "sums", "until")

    def __init__(self, sock: socket, sums: HostSum | None, begun: float) -> None:
        self.sock = sock
        self.sums = sums
        self.begun = begun
        self.connected = False
        self.error = 0
        self.link: Link | None = None
        self.until = begun + _UNUSED


class Relay:
    """All ports and connections. It belongs to the loop's thread."""

    def __init__(self, loop: Loop, in_force: InForce) -> None:
        self.loop = loop
        self.in_force = in_force
        self.kept = 0  # bytes
        self.links: set[Link] = set()
        self.buffer = bytearray(_SIZE)
        self.view = memoryview(self.buffer)
        self._ports: dict[tuple[str, bytes, int, bool], Port] = {}
        self._by_number: dict[int, Port] = {}
        loop.when_woken(self._conditions_changed)

    # -- ports ----------------------------------------------------------------------------------

    def port_for(self, host: Host, *, v6: bool = False, sums: HostSum | None = None) -> int:
        """The loopback port that leads to this host; 0 if it should be asked directly.

        `sums`: where its connections are counted from now on; None if they are not.
        """
        key = (host.name, host.address, host.port, v6)
        port = self._ports.pop(key, None)
        if port is None:
            port = self._listen(host, v6=v6)
        self._ports[key] = port  # the newest is last
        port.sums = sums
        if port.down_until > monotonic():
            if sums is not None:
                sums.connections += 1
                sums.direct += 1
            return 0
        if not self._begin(port):
            return 0
        number: int = port.listener.getsockname()[1]
        return number

    def host_behind(self, number: int) -> Host | None:
        """The host that this port stands for."""
        port = self._by_number.get(number)
        return port.host if port else None

    def _listen(self, host: Host, *, v6: bool) -> Port:
        if len(self._ports) >= _MOST_PORTS:
            self._close(next(iter(self._ports)))
        family = AF_INET6 if v6 else AF_INET
        listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
        listener.bind(("::1" if v6 else "127.0.0.1", 0))
        listener.listen(_BACKLOG)
        port = Port(host, listener)
        self._by_number[listener.getsockname()[1]] = port
        self.loop.watch(listener.fileno(), READ, lambda events: self._accept(port))
        return port

    def _close(self, key: tuple[str, bytes, int, bool]) -> None:
        port = self._ports.pop(key)
        self._by_number.pop(port.listener.getsockname()[1], None)
        self.loop.forget(port.listener.fileno())
        port.listener.close()
        for upstream in port.ready:
            self._drop(upstream)

    def _begin(self, port: Port) -> bool:
        """Begin a connection to the host; false if it fails at once."""
        family = AF_INET if len(port.host.address) == 4 else AF_INET6
        sums, begun = port.sums, monotonic()
        sock = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        error = sock.connect_ex((address_text(port.host.address), port.host.port))
        if error == EINPROGRESS:  # a host on this machine has refused by now
            error = sock.getsockopt(SOL_SOCKET, SO_ERROR)
        if sums is not None:
            sums.connections += 1
        if error:
            if sums is not None:
                sums.failed += 1
            sock.close()
            return False
        upstream = Upstream(sock, sums, begun)
        port.ready.append(upstream)
        self.loop.watch(sock.fileno(), WRITE, lambda events: self._answered(port, upstream))
        self.loop.at(upstream.until, lambda: self._expire(port, upstream))
        return True

    def _answered(self, port: Port, upstream: Upstream) -> None:
        """The host has answered a connection, or refused it."""
        upstream.error = upstream.sock.getsockopt(SOL_SOCKET, SO_ERROR)
        if upstream.error:
            if upstream.sums is not None:
                upstream.sums.failed += 1
            port.down_until = monotonic() + _DOWN
            if upstream.link is not None:
                upstream.link.reset()
            else:
                self.loop.forget(upstream.sock.fileno())
            return
        upstream.connected = True
        if upstream.sums is not None:
            upstream.sums.connect.add(monotonic() - upstream.begun)
        if upstream.link is not None:
            upstream.link.begin()
        else:
            self.loop.change(upstream.sock.fileno(), 0)

    def _expire(self, port: Port, upstream: Upstream) -> None:
        if upstream in port.ready:
            port.ready.remove(upstream)
            self._drop(upstream)

    def _drop(self, upstream: Upstream) -> None:
        self.loop.forget(upstream.sock.fileno())
        upstream.sock.close()

    def _accept(self, port: Port) -> None:
        try:
            fd, _ = port.listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return
        client = socket(fileno=fd)
        client.setblocking(False)
        client.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if not port.ready and not self._begin(port):
            client.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
            client.close()
            return
        upstream = port.ready.pop(0)
        Link(self, port.host, client, upstream)

    # -- conditions -----------------------------------------------------------------------------

    def _conditions_changed(self) -> None:
        for link in list(self.links):
            link.conditions_changed()
        self.in_force.applied()


class Way:
    """One direction of a connection: from `source` to `target`.

    `pieces`: bytes that are to leave, each with the time at which it may. `ended`: the source has
    sent its last byte. `is_answer`: it leads from the host to the client.
    """

    __slots__ = (
        "due",
        "ended",
        "is_answer",
        "kept",
        "most",
        "pieces",
        "shut",
        "source",
        "target",
        "waiting",
    )

    def __init__(self, source: socket, target: socket, *, is_answer: bool) -> None:
        self.source = source
        self.target = target
        self.is_answer = is_answer
        self.pieces: list[tuple[float, memoryview]] = []
        self.kept = 0
        self.most = MOST_KEPT
        self.due = 0.0  # when the last piece leaves: none may overtake it
        self.ended = False
        self.shut = False
        self.waiting = False  # a call of the loop is due for the first piece


class Link:
    """A client's connection and the one to its host."""

    def __init__(self, relay: Relay, host: Host, client: socket, upstream: Upstream) -> None:
        self._relay = relay
        self._loop = relay.loop
        self.host = host
        self._client = client
        self._upstream = upstream
        self._sums = upstream.sums
        if self._sums is not None:
            self._sums.links += 1
        self._asked = 0.0  # when the host was connected to or, if later, asked; 0: answered
        self._has_asked = False
        self._ask = Way(client, upstream.sock, is_answer=False)
        self._answer = Way(upstream.sock, client, is_answer=True)
        self._version = -1
        self._conditions: list[Condition] = []
        self._secured = False  # a TLS handshake has begun
        self._open = True
        self._masks = {client.fileno(): READ, upstream.sock.fileno(): 0}
        relay.links.add(self)
        upstream.link = self
        self._loop.watch(client.fileno(), READ, self._on_client)
        if upstream.error:
            self.reset()
        elif upstream.connected:
            self.begin()

    def begin(self) -> None:
        """The host has answered: carry bytes from now on."""
        if self._sums is not None:
            self._asked = monotonic()
        fd = self._upstream.sock.fileno()
        self._loop.forget(fd)
        self._masks[fd] = READ
        self._loop.watch(fd, READ, self._on_host)
        self._flush(self._ask)

    # -- conditions -----------------------------------------------------------------------------

    def _in_force(self) -> list[Condition]:
        in_force = self._relay.in_force
        if self._version != in_force.version:
            self._version = in_force.version
            host = self.host
            self._conditions = in_force.of(host.name, host.address, host.port)
        return self._conditions

    def conditions_changed(self) -> None:
        """End the connection if a disturbance that has begun leaves no idle one."""
        known = self._conditions
        for condition in self._in_force():
            if condition not in known and isinstance(
                condition.disturbance, (Unreachable, BadHandshake)
            ):
                self.close()
                return

    def _touched(self, condition: Condition) -> None:
        condition.touched(self.host.text(), self.host.port)

    # -- events ---------------------------------------------------------------------------------

    def _on_client(self, events: int) -> None:
        self._on_event(self._ask, self._answer, events)

    def _on_host(self, events: int) -> None:
        self._on_event(self._answer, self._ask, events)

    def _on_event(self, incoming: Way, outgoing: Way, events: int) -> None:
        try:
            if events & WRITE:
                self._flush(outgoing)
            if self._open and events & (READ | ENDED):
                if not incoming.ended:
                    self._receive(incoming)
                elif events & FAILED:
                    self.reset()
                elif events & ENDED:  # closed both ways: this would be told again and again
                    self._loop.forget(incoming.source.fileno())
        except OSError:  # a reset: the other side gets one, too
            self.reset()

    def _receive(self, way: Way) -> None:
        relay = self._relay
        try:
            count = way.source.recv_into(relay.buffer)
        except BlockingIOError:
            return
        if not count:
            way.ended = True
            self._flush(way)
            self._set_masks()
            return
        if self._sums is not None:
            self._count(self._sums, way, count)
        data = relay.view[:count]
        conditions = self._in_force()
        if conditions:
            self._disturb(way, data, conditions)
        elif way.pieces or (way is self._ask and not self._upstream.connected):
            self._keep(way, way.due, bytes(data))
        else:
            try:
                sent = way.target.send(data)
            except BlockingIOError:
                sent = 0
            if sent < count:
                self._keep(way, 0.0, bytes(data[sent:]))
        if self._open:
            self._flush(way)
            self._set_masks()

    def _count(self, sums: HostSum, way: Way, count: int) -> None:
        if not way.is_answer:
            if self._asked and not self._has_asked:
                self._asked = monotonic()
            self._has_asked = True
            sums.sent += count
            return
        if self._asked:
            sums.first_byte.add(monotonic() - self._asked)
            self._asked = 0.0
        sums.received += count

    # -- disturbances ---------------------------------------------------------------------------

    def _disturb(self, way: Way, data: memoryview, conditions: list[Condition]) -> None:
        due, rates = max(monotonic(), way.due), []
        way.most = MOST_KEPT
        for condition in conditions:
            disturbance = condition.disturbance
            if isinstance(disturbance, BadHandshake):
                if not way.is_answer and not self._secured and _is_client_hello(data):
                    self._touched(condition)
                    self._end_handshake(garbage=disturbance.garbage)
                    return
            elif isinstance(disturbance, Slow):
                self._touched(condition)
                rates.append(condition)
            elif way.is_answer and isinstance(disturbance, Late):
                self._touched(condition)
                due = max(due, monotonic() + disturbance.seconds)
            elif isinstance(disturbance, Cut) and (way.is_answer or not disturbance.size):
                left = int(disturbance.size - condition.spent.get(self, 0))
                condition.spent[self] = disturbance.size - left + len(data)
                if len(data) >= left:
                    self._touched(condition)
                    self._cut(way, data[:left])
                    return
        if not self._secured and not way.is_answer and _is_client_hello(data):
            self._secured = True
        if rates:
            self._keep_slowly(way, due, bytes(data), rates)
        else:
            self._keep(way, due, bytes(data))

    def _keep_slowly(self, way: Way, due: float, data: bytes, rates: list[Condition]) -> None:
        """Keep the data in pieces, so that no more than each rate leaves in any second."""
        rate = min(condition.disturbance.rate for condition in rates)
        size = max(1, rate // _TICKS)
        way.most = min(MOST_KEPT, rate)  # a writer is to notice that the line is slow
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            for condition in rates:
                free = max(due, condition.spent.get(way.is_answer, 0.0))
                condition.spent[way.is_answer] = free + len(piece) / condition.disturbance.rate
                due = max(due, free)
            self._keep(way, due, piece)

    def _cut(self, way: Way, data: memoryview) -> None:
        for _, piece in way.pieces:
            way.target.send(piece)
        if data:
            way.target.send(data)
        self.reset()

    def _end_handshake(self, *, garbage: bool) -> None:
        self._client.send(_GARBAGE if garbage else _ALERT)
        self.close()

    # -- bytes ----------------------------------------------------------------------------------

    def _keep(self, way: Way, due: float, data: bytes) -> None:
        way.due = due
        way.pieces.append((due, memoryview(data)))
        way.kept += len(data)
        self._relay.kept += len(data)

    def _flush(self, way: Way) -> None:
        """Send the pieces that are due, as many as the target takes."""
        if way is self._ask and not self._upstream.connected:
            return
        sent, now = 0, monotonic()
        for number, (due, piece) in enumerate(way.pieces):
            if due > now:
                break
            try:
                count = way.target.send(piece)
            except BlockingIOError:
                break
            self._relay.kept -= count
            way.kept -= count
            if count < len(piece):
                way.pieces[number] = (due, piece[count:])
                break
            sent += 1
        del way.pieces[:sent]
        if way.pieces:
            due = way.pieces[0][0]
            if due > now and not way.waiting:
                way.waiting = True
                self._loop.at(due, lambda: self._on_time(way))
        elif way.ended and not way.shut:
            way.shut = True
            way.target.shutdown(SHUT_WR)
            if self._ask.shut and self._answer.shut:
                self.close()
                return
        self._set_masks()

    def _on_time(self, way: Way) -> None:
        way.waiting = False
        if self._open:
            try:
                self._flush(way)
            except OSError:
                self.reset()

    def _set_masks(self) -> None:
        if not self._open:
            return
        self._set_mask(self._client.fileno(), self._ask, self._answer)
        if self._upstream.connected:
            self._set_mask(self._upstream.sock.fileno(), self._answer, self._ask)

    def _set_mask(self, fd: int, incoming: Way, outgoing: Way) -> None:
        full = incoming.kept >= incoming.most or self._relay.kept >= _ALL_KEPT
        mask = 0 if incoming.ended or (full and incoming.kept) else READ
        if outgoing.pieces and outgoing.pieces[0][0] <= monotonic():
            mask |= WRITE
        if mask != self._masks[fd] and self._loop.watches(fd):
            self._masks[fd] = mask
            self._loop.change(fd, mask)

    # -- the end --------------------------------------------------------------------------------

    def reset(self) -> None:
        """End both connections with a reset (RST)."""
        for sock in (self._client, self._upstream.sock):
            try:
                sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
            except OSError:
                pass
        self.close()

    def close(self) -> None:
        """End both connections."""
        if not self._open:
            return
        self._open = False
        self._relay.links.discard(self)
        self._relay.kept -= self._ask.kept + self._answer.kept
        if self._sums is not None:
            self._sums.links -= 1
            if not self._upstream.connected and not self._upstream.error:  # the client gave up
                self._sums.failed += 1
        for condition in self._conditions:
            condition.spent.pop(self, None)
        for sock in (self._client, self._upstream.sock):
            self._loop.forget(sock.fileno())
            sock.close()


def _is_client_hello(data: memoryview) -> bool:
    """A TLS handshake record that begins a connection (RFC 8446, sections 4 and 5.1)."""
    return len(data) > 5 and data[0] == 22 and data[1] == 3 and data[5] == _CLIENT_HELLO
