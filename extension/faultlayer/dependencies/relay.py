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

import posix
from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_TCP,
    SHUT_WR,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_INFO,
    TCP_KEEPIDLE,
    TCP_NODELAY,
    socket,
)
from errno import EINPROGRESS, EMFILE, ENFILE, ENOBUFS, ENOMEM
from time import monotonic

from faultlayer.dependencies.conditions import Host, overtaken
from faultlayer.dependencies.loop import ENDED, FAILED, READ, WRITE, cancel
from faultlayer.log import emit
from faultlayer.values.hosts import address_text
from faultlayer.vocabulary.disturbances import BadHandshake, Cut, Late, Slow, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from faultlayer.dependencies.conditions import Condition, InForce
    from faultlayer.dependencies.loop import Loop, Timer
    from faultlayer.dependencies.observed import HostSum
else:  # `collections` itself would be loaded for it
    from _collections import deque

_SIZE = 1 << 18  # bytes of one receive
_SMALL = 1 << 14  # the same if much is kept: many connections whose readers are slow
_MUCH = 1 << 21
# Bytes on their way in one direction of one connection: delay times throughput. More than a real
# connection has, whose window is at most 6 MB (tcp_rmem, tcp(7)).
MOST_KEPT = 1 << 23
_ALL_KEPT = 1 << 25  # bytes that all connections keep together
_OVERHEAD = 256  # bytes of memory that a piece takes besides its own
_TICKS = 50  # pieces a second that a slow connection's bytes leave in
_QUEUES = 10  # a slow line keeps the bytes of a tenth of a second of each connection
_MOST_PORTS = 256  # hosts with a port of their own at once, fewer if descriptors are scarce
_LEAST_PORTS = 8
_UNUSED = 5.0  # seconds until a connection to a host is closed that no client came for
_HELD = 0.02  # seconds that a question waits for the host, so that it refuses by itself
_DOWN = 1.0  # seconds for which a host that did not answer is left to the kernel
_BACKLOG = 1024
_LAST_BYTES = 5.0  # seconds that the last bytes of a client that has left may take
_LOOK = 0.005  # seconds between two looks at whether the kernel has sent all; then longer
_TCP_CLOSE = 7  # the first byte of struct tcp_info, tcp(7)
_UNSENT = 0x5411  # SIOCOUTQ, tcp(7): bytes that the kernel still has to send
_IDLE = 60  # seconds until the kernel asks if a silent client is still there
_OTHERS = 256  # descriptors that the rest of the extension may need
_SCARCE = (EMFILE, ENFILE, ENOBUFS, ENOMEM)
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, for no time
_CLIENT_HELLO = 1
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure (RFC 8446, section 6)
_GARBAGE = b"\x00\xff" * 32


class Port:
    """A loopback port that stands for a host.

    - `ready`: connections to the host, begun and unused
    - `sums`: the sum that counts its connections; None if they are not counted
    - `answers_in`: the time (seconds) in which the host answered last; None before its first
    answer
    """

    __slots__ = ("answers_in", "down_until", "family", "host", "listener", "ready", "sums")

    def __init__(self, host: Host, family: int, listener: socket) -> None:
        self.host = host
        self.family = family
        self.listener = listener
        self.ready: deque[Upstream] = deque()
        self.down_until = 0.0
        self.answers_in: float | None = None
        self.sums: HostSum | None = None


class Upstream:
    """A connection to a host that has begun.

    - `error`: the reason of its failure (errno); 0 if it has not failed
    - `decide`: takes true or false once the host has answered or failed; None if nobody waits
    - `alone`: no client will come: the connection only shows if the host answers
    """

    __slots__ = ("alone", "begun", "connected", "decide", "error", "link", "sock", "sums", "until")

    def __init__(self, sock: socket, sums: HostSum | None, begun: float) -> None:
        self.sock = sock
        self.sums = sums
        self.begun = begun
        self.connected = False
        self.error = 0
        self.link: Link | None = None
        self.decide: Callable[[bool], None] | None = None
        self.alone = False
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
        self._begun = 0  # connections to hosts that no client has come for
        self._sweeping = False
        self._most = most_connections()
        self._most_ports = max(_LEAST_PORTS, min(_MOST_PORTS, self._most // 2))
        self._full = False
        loop.when_woken(self._conditions_changed)

    # -- ports ----------------------------------------------------------------------------------

    def lead(
        self,
        host: Host,
        then: Callable[[int], None],
        *,
        v6: bool = False,
        sums: HostSum | None = None,
        needed: bool = True,
    ) -> None:
        """Find the loopback port that leads to this host; 0: connect directly.

        `then` takes the port, at once or after the host's answer. A host that refuses soon is
        connected to directly, so the kernel refuses. So is a host that has never answered and does
        not answer now, if the connection is only observed (not `needed`). `sums`: the sum that
        counts its connections from now on; None if they are not counted.
        """
        key = (host.name, host.address, host.port, v6)
        port = self._ports.pop(key, None)
        if port is None:
            port = self._listen(host, v6=v6)
        self._ports[key] = port  # the newest is last
        port.sums = sums
        if self._is_full() or port.down_until > monotonic():
            if sums is not None:
                sums.connections += 1
                sums.direct += 1
            then(0)
            return
        if not self._begin(port):
            then(0)
            return
        number: int = port.listener.getsockname()[1]
        upstream = port.ready[-1]
        far = port.answers_in is not None and port.answers_in > _HELD
        if far or _is_connected(upstream.sock):
            then(number)
            return
        upstream.decide = lambda is_there: then(number if is_there else 0)
        self.loop.at(monotonic() + _HELD, lambda: self._give_up(port, upstream, needed=needed))

    def _give_up(self, port: Port, upstream: Upstream, *, needed: bool) -> None:
        """Decide without an answer of the host, if it has not answered yet."""
        if upstream.decide is None:
            return
        if needed or port.answers_in is not None:
            self._decide(upstream, is_there=True)
            return
        if upstream.sums is not None:
            upstream.sums.direct += 1
        if upstream in port.ready:
            port.ready.remove(upstream)
        upstream.alone = True
        self.loop.at(upstream.until, lambda: self._end_alone(upstream))
        self._decide(upstream, is_there=False)

    def _end_alone(self, upstream: Upstream) -> None:
        """Close a connection without a client: the host has not answered."""
        if not (upstream.connected or upstream.error):
            if upstream.sums is not None:
                upstream.sums.failed += 1
            self._drop(upstream)

    def _decide(self, upstream: Upstream, *, is_there: bool) -> None:
        decide, upstream.decide = upstream.decide, None
        if decide is not None:
            decide(is_there)

    def _is_full(self) -> bool:
        """True if another connection would take descriptors that the data path needs."""
        if self.has_room():
            return False
        if not self._full:
            message = f"more than {self._most} connections at once: further ones are left alone"
            emit("warn", "fault_not_applied", message=message)
        self._full = True
        return True

    def has_room(self, others: int = 0) -> bool:
        """True if descriptors are left for another connection.

        `others`: connections outside the relay that count as well.
        """
        # Some ports are among those descriptors that are left for the rest anyway.
        ports = max(0, len(self._ports) - self._most_ports // 4) // 2
        return len(self.links) + self._begun + others + ports < self._most

    def piece(self) -> int:
        """Bytes to receive at once."""
        return _SIZE if self.kept < _MUCH else _SMALL

    def host_behind(self, number: int) -> Host | None:
        """The host that this port stands for."""
        port = self._by_number.get(number)
        return port.host if port else None

    def _listen(self, host: Host, *, v6: bool) -> Port:
        if len(self._ports) >= self._most_ports:
            self._close(next(iter(self._ports)))
        family = AF_INET6 if v6 else AF_INET
        listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
        listener.bind(("::1" if v6 else "127.0.0.1", 0))
        listener.listen(_BACKLOG)
        port = Port(host, family, listener)
        self._by_number[listener.getsockname()[1]] = port
        self.loop.watch(listener.fileno(), READ, lambda events: self._accept(port))
        return port

    def _close(self, key: tuple[str, bytes, int, bool]) -> None:
        port = self._ports.pop(key)
        self._by_number.pop(port.listener.getsockname()[1], None)
        self.loop.forget(port.listener.fileno())
        port.listener.close()
        while port.ready:
            self._drop(port.ready.popleft())

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
        self._begun += 1
        self.loop.watch(sock.fileno(), WRITE, lambda events: self._answered(port, upstream))
        if not self._sweeping:
            self._sweeping = True
            self.loop.at(upstream.until, self._sweep)
        return True

    def _answered(self, port: Port, upstream: Upstream) -> None:
        """The host has answered a connection, or refused it."""
        upstream.error = upstream.sock.getsockopt(SOL_SOCKET, SO_ERROR)
        if upstream.error:
            self._refused(port, upstream)
            return
        upstream.connected = True
        port.answers_in = monotonic() - upstream.begun
        if upstream.sums is not None:
            upstream.sums.connect.add(port.answers_in)
        if upstream.link is not None:
            upstream.link.begin()
        elif upstream.alone:
            self._drop(upstream)
        else:
            self.loop.change(upstream.sock.fileno(), 0)
        self._decide(upstream, is_there=True)

    def _refused(self, port: Port, upstream: Upstream) -> None:
        if upstream.sums is not None:
            upstream.sums.failed += 1
        port.answers_in = None
        if upstream.link is not None:
            port.down_until = monotonic() + _DOWN
            upstream.link.reset()
            self._decide(upstream, is_there=False)
        elif upstream.decide is not None or upstream.alone:  # the kernel refuses the client itself
            if upstream in port.ready:
                port.ready.remove(upstream)
            self._drop(upstream)
        else:
            port.down_until = monotonic() + _DOWN
            self.loop.forget(upstream.sock.fileno())

    def _sweep(self) -> None:
        """Close connections whose client has not come in time."""
        self._sweeping = False
        now = monotonic()
        waiting = []
        for port in self._ports.values():
            while port.ready and port.ready[0].until <= now:
                self._drop(port.ready.popleft())
            if port.ready:
                waiting.append(port.ready[0].until)
        if waiting:
            self._sweeping = True
            self.loop.at(min(waiting), self._sweep)

    def _drop(self, upstream: Upstream) -> None:
        """Close a connection to a host whose client has not come."""
        self._begun -= 1
        self.loop.forget(upstream.sock.fileno())
        upstream.sock.close()
        self._decide(upstream, is_there=False)

    def _accept(self, port: Port) -> None:
        """Accept waiting clients: as many as connections to the host have begun."""
        try:
            fd, _ = port.listener._accept()  # type: ignore[attr-defined]
            while True:
                self._take(port, socket(port.family, SOCK_STREAM, 0, fd))
                if not port.ready:
                    return
                fd, _ = port.listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _SCARCE:  # the client waits in the queue
                self.loop.rest(port.listener.fileno())

    def _take(self, port: Port, client: socket) -> None:
        client.setblocking(False)
        client.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        # A client that has left after half a connection was closed would else never be missed.
        client.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        client.setsockopt(IPPROTO_TCP, TCP_KEEPIDLE, _IDLE)
        try:
            begun = bool(port.ready) or self._begin(port)
        except OSError:  # no descriptor
            begun = False
        if not begun:
            client.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
            client.close()
            return
        self._begun -= 1
        # The newest, so that those that nobody came for grow old; if any, one that was answered.
        newest = reversed(port.ready)
        upstream = next((each for each in newest if each.connected), port.ready[-1])
        port.ready.remove(upstream)
        Link(self, port.host, client, upstream)

    # -- conditions -----------------------------------------------------------------------------

    def _conditions_changed(self) -> None:
        waiting = self.in_force.waiting()
        for link in list(self.links):
            try:
                link.conditions_changed()
            except Exception as error:  # the others follow the conditions
                emit("error", "internal_error", message=type(error).__name__)
                link.reset()
        self.in_force.applied(waiting)


class Way:
    """One direction of a connection: from `source` to `target`.

    - `pieces`: bytes that are to leave, each with the time at which it may
    - `blocked`: the first piece may leave, and the target takes nothing
    - `ended`: nothing more is read; `broken`: it ends with a reset; `shut`: the target knows
    - `is_answer`: it leads from the host to the client
    """

    __slots__ = (
        "blocked",
        "broken",
        "due",
        "ended",
        "is_answer",
        "kept",
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
        self.pieces: deque[tuple[float, memoryview]] = deque()
        self.kept = 0
        self.due = 0.0  # when the last piece leaves: none may overtake it
        self.blocked = False
        self.ended = False
        self.broken = False
        self.shut = False
        self.waiting: Timer | None = None  # the call of the loop for the first piece


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
        self._most = MOST_KEPT
        self._secured = False  # a TLS handshake has begun
        self._open = True
        self._resting: set[int] = set()  # descriptors that have ended, with bytes still to read
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
        if self._ask.pieces or self._ask.ended:
            self._flush(self._ask)

    # -- conditions -----------------------------------------------------------------------------

    def _in_force(self) -> list[Condition]:
        in_force = self._relay.in_force
        if self._version != in_force.version:
            self._version = in_force.version
            host = self.host
            self._conditions = in_force.of(host.name, host.address, host.port)
            # A writer is to notice that the line is slow.
            rates = [
                condition.disturbance.rate // _QUEUES
                for condition in self._conditions
                if isinstance(condition.disturbance, Slow)
            ]
            self._most = max(1, min(rates, default=MOST_KEPT))
        return self._conditions

    def conditions_changed(self) -> None:
        """End the connection if a disturbance that has begun leaves none of its kind.

        That is an injection: its program may notice the end, and never connect again. What was kept
        for a disturbance that is over leaves at once.
        """
        known = self._conditions
        ending = [
            condition
            for condition in self._in_force()
            if condition not in known
            and (
                isinstance(condition.disturbance, Unreachable)
                or (isinstance(condition.disturbance, BadHandshake) and self._secured)
            )
        ]
        for condition in ending:
            self._touched(condition)
        if ending:
            self.close()
            return
        if not any(isinstance(each.disturbance, (Late, Slow)) for each in self._conditions):
            self._release()
        self._set_masks()

    def _release(self) -> None:
        for way in (self._ask, self._answer):
            if self._open and way.pieces and way.due:
                way.due = 0.0
                way.pieces = deque((0.0, piece) for _, piece in way.pieces)
                self._flush(way)

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
                fd = incoming.source.fileno()
                if incoming.ended:  # closed both ways, or reset: it would be told again and again
                    self._loop.forget(fd)
                    if events & FAILED:
                        self._lost(outgoing)
                elif events & READ or self._masks[fd] & READ:
                    self._receive(incoming)
                else:  # the same, and there is no room yet for the last bytes
                    self._loop.forget(fd)
                    self._resting.add(fd)
                    if events & FAILED and incoming is self._ask:  # nobody waits for them
                        self._loop.at(monotonic() + _LAST_BYTES, self.reset)
        except Exception as error:
            emit("error", "internal_error", message=type(error).__name__)
            self.reset()

    def _receive(self, way: Way) -> None:
        relay = self._relay
        conditions = self._in_force()
        size = min(relay.piece(), self._most - way.kept)
        try:
            count = way.source.recv_into(relay.buffer, size if size > 0 else 1)
        except BlockingIOError:
            return
        except OSError:
            self._end(way, broken=True)
            return
        if not count:
            self._end(way, broken=False)
            return
        if self._sums is not None:
            self._count(self._sums, way, count)
        self._take(way, relay.view[:count], conditions)

    def begin_with(self, data: bytes) -> None:
        """Take the bytes that the client sent before the relay had it."""
        if data and self._open:
            if self._sums is not None:
                self._count(self._sums, self._ask, len(data))
            self._take(self._ask, memoryview(data), self._in_force())

    def _take(self, way: Way, data: memoryview, conditions: list[Condition]) -> None:
        """Pass these bytes on, or keep them, by the conditions in force."""
        count = len(data)
        begins = not way.is_answer and not self._secured and _is_client_hello(data)
        self._secured = self._secured or begins
        if conditions:
            self._disturb(way, data, conditions, begins_tls=begins)
        elif way.pieces or (way is self._ask and not self._upstream.connected):
            self._keep(way, way.due, bytes(data))
        else:
            try:
                sent = way.target.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._lost(way)
                return
            if sent == count:
                return
            self._keep(way, 0.0, bytes(data[sent:]))
        if self._open:
            self._flush(way)

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

    def _disturb(
        self, way: Way, data: memoryview, conditions: list[Condition], *, begins_tls: bool
    ) -> None:
        """Keep the bytes until they may leave, or end the connection."""
        now, delay, rates, cut = monotonic(), 0.0, [], False
        for condition in conditions:
            disturbance = condition.disturbance
            condition.met = True
            if isinstance(disturbance, BadHandshake):
                if begins_tls:
                    self._touched(condition)
                    overtaken(conditions, condition)
                    self._end_handshake(garbage=disturbance.garbage)
                    return
            elif isinstance(disturbance, Slow):
                self._touched(condition)
                rates.append(condition)
            elif way.is_answer and isinstance(disturbance, Late):
                self._touched(condition)
                delay = max(delay, disturbance.seconds)
            elif isinstance(disturbance, Cut) and (way.is_answer or not disturbance.size):
                left = int(disturbance.size - condition.spent.get(self, 0))
                condition.spent[self] = disturbance.size - left + len(data)
                if len(data) >= left:
                    self._touched(condition)
                    overtaken(conditions, condition)
                    if not disturbance.size:
                        self.reset()
                        return
                    data, cut = data[:left], True
        if rates:
            self._keep_slowly(way, now, delay, bytes(data), rates)
        else:
            self._keep(way, max(now + delay, way.due), bytes(data))
        if cut:
            way.ended = way.broken = True

    def _keep_slowly(
        self, way: Way, now: float, delay: float, data: bytes, rates: list[Condition]
    ) -> None:
        """Keep the bytes in pieces, each for its time on the line."""
        size = max(1, min(condition.disturbance.rate for condition in rates) // _TICKS)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            due = now
            for condition in rates:
                begins = max(now, condition.spent.get(way.is_answer, 0.0))
                ends = begins + len(piece) / condition.disturbance.rate
                condition.spent[way.is_answer] = ends
                due = max(due, ends)
            self._keep(way, max(due + delay, way.due), piece)

    def _end_handshake(self, *, garbage: bool) -> None:
        try:
            self._client.send(_GARBAGE if garbage else _ALERT)
        except OSError:  # it has left
            pass
        self.close()

    # -- bytes ----------------------------------------------------------------------------------

    def _keep(self, way: Way, due: float, data: bytes) -> None:
        way.due = due
        way.pieces.append((due, memoryview(data)))
        self._weigh(way, len(data) + _OVERHEAD)

    def _weigh(self, way: Way, size: int) -> None:
        way.kept += size
        self._relay.kept += size

    def _flush(self, way: Way) -> None:
        """Send the pieces that are due, as many as the target takes."""
        pieces = way.pieces
        way.blocked = way is self._ask and not self._upstream.connected
        while pieces and not way.blocked:
            due, piece = pieces[0]
            if due > monotonic():
                self._wait(way, due)
                break
            try:
                sent = way.target.send(piece) if piece else 0
            except BlockingIOError:
                sent = 0
            except OSError:
                self._lost(way)
                return
            if sent < len(piece):
                self._weigh(way, -sent)
                pieces[0] = (due, piece[sent:])
                way.blocked = True
            else:
                self._weigh(way, -sent - _OVERHEAD)
                pieces.popleft()
        if way.ended and not pieces and not way.shut and not way.blocked:
            self._pass_end(way)
        self._set_masks()

    def _wait(self, way: Way, due: float) -> None:
        """Look at the first piece again at that time."""
        if way.waiting is not None:
            if way.waiting[0] <= due:
                return
            cancel(way.waiting)
        way.waiting = self._loop.at(due, lambda: self._on_time(way))

    def _on_time(self, way: Way) -> None:
        way.waiting = None
        if self._open:
            self._flush(way)

    def _set_masks(self) -> None:
        if not self._open:
            return
        self._set_mask(self._client.fileno(), self._ask, self._answer)
        if self._upstream.connected:
            self._set_mask(self._upstream.sock.fileno(), self._answer, self._ask)

    def _set_mask(self, fd: int, incoming: Way, outgoing: Way) -> None:
        full = incoming.kept and (
            incoming.blocked or incoming.kept >= self._most or self._relay.kept >= _ALL_KEPT
        )
        mask = 0 if incoming.ended or full else READ
        if outgoing.blocked:
            mask |= WRITE
        if fd in self._resting and mask & READ:
            self._resting.discard(fd)
            self._masks[fd] = mask
            self._loop.watch(fd, mask, self._on_client if incoming is self._ask else self._on_host)
        elif mask != self._masks[fd] and self._loop.watches(fd):
            self._masks[fd] = mask
            self._loop.change(fd, mask)

    # -- the end --------------------------------------------------------------------------------

    def _end(self, way: Way, *, broken: bool) -> None:
        """Pass the source's end on, after all its bytes and their delay."""
        way.ended = True
        way.broken |= broken
        late = [
            condition
            for condition in self._in_force()
            if way.is_answer and isinstance(condition.disturbance, Late)
        ]
        if late:
            for condition in late:
                self._touched(condition)
            delay = max(condition.disturbance.seconds for condition in late)
            self._keep(way, max(monotonic() + delay, way.due), b"")
        if broken and not way.is_answer:  # nobody waits for these bytes
            self._loop.at(monotonic() + _LAST_BYTES, self.reset)
        self._flush(way)

    def _lost(self, way: Way) -> None:
        """Handle a target that takes nothing more: its earlier bytes still pass."""
        self._weigh(way, -way.kept)
        way.pieces.clear()
        way.ended = way.shut = True
        way.blocked = False
        back = self._answer if way is self._ask else self._ask
        back.broken = True
        if back.shut:
            self.reset()
        elif back.ended:
            self._flush(back)
        else:
            self._set_masks()

    def _pass_end(self, way: Way) -> None:
        """Close the target's direction: all bytes have been sent."""
        if way.broken:
            self._reset_once_sent(way)
            return
        way.shut = True
        try:
            way.target.shutdown(SHUT_WR)
        except OSError:  # it has left
            self._lost(way)
            return
        if self._ask.shut and self._answer.shut:
            self.close()

    def _reset_once_sent(self, way: Way, pause: float = _LOOK) -> None:
        """Reset after the kernel has sent all: a reset discards unsent bytes."""
        if not self._open:
            return
        from fcntl import ioctl

        unsent = bytearray(4)
        ioctl(way.target.fileno(), _UNSENT, unsent)
        # A connection that the target has reset keeps its number of unsent bytes for ever.
        if any(unsent) and way.target.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0] != _TCP_CLOSE:
            self._loop.at(monotonic() + pause, lambda: self._reset_once_sent(way, 2 * pause))
        else:
            self.reset()

    def reset(self) -> None:
        """End both connections with a reset (RST)."""
        if not self._open:
            return
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
        for way in (self._ask, self._answer):
            way.pieces.clear()
            if way.waiting is not None:  # it may be due in minutes, and knows this link
                cancel(way.waiting)
        for sock in (self._client, self._upstream.sock):
            self._loop.forget(sock.fileno())
            sock.close()


def most_connections() -> int:
    """The most connections at once: each takes two of this process's descriptors."""
    try:
        fd = posix.open("/proc/self/limits", posix.O_RDONLY)
        try:
            text = posix.read(fd, 4096)
        finally:
            posix.close(fd)
        limit = int(text.partition(b"Max open files")[2].split()[0])
    except (OSError, ValueError, IndexError):
        limit = 1024
    return max((limit - _OTHERS) // 2, 16)


def _is_connected(sock: socket) -> bool:
    """True if the host has answered already, as local hosts do."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _is_client_hello(data: memoryview) -> bool:
    """A TLS handshake record that begins a connection (RFC 8446, sections 4 and 5.1)."""
    return len(data) > 5 and data[0] == 22 and data[1] == 3 and data[5] == _CLIENT_HELLO
