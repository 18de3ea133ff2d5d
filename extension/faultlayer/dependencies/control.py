"""Answers to the shim, which asks before each lookup and each connection of the function.

    HELLO               a process has the shim
    RESOLVE name        ──> go on | fail with this error, after this time
      LEARNED addresses     the name has these
    CONNECT address     ──> go on | connect to this address instead
    PEER address        ──> the host behind a port of the relay

One connection for each question, so the shim keeps nothing. Names come from lookups alone: of two
names with one address, the one that was looked up last counts. shim/protocol.md has the messages.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, MSG_DONTWAIT, socket

from faultlayer.dependencies import dead_ports
from faultlayer.dependencies.conditions import Host
from faultlayer.dependencies.loop import READ
from faultlayer.values.hosts import plain_address
from faultlayer.vocabulary.disturbances import Unreachable, Unresolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.dependencies.conditions import Condition, InForce
    from faultlayer.dependencies.loop import Loop
    from faultlayer.dependencies.relay import Relay

_HEAD = b"F\1"
_GO_ON = b"F\1D\0"
_MESSAGE = 1024  # bytes; the shim sends less
_MOST_NAMES = 4096  # addresses whose names are known
_V6ONLY = 1
_LOOPBACK = b"\x7f\0\0\1"
_LOOPBACK_6 = b"\0" * 15 + b"\1"
_MAPPED = b"\0" * 10 + b"\xff\xff"
# getaddrinfo(3): the error, and how long a resolver takes that gets no answer (resolv.conf(5):
# two attempts of five seconds).
_ERRORS = {"nxdomain": (-2, 0), "servfail": (-3, 0), "timeout": (-3, 10_000)}


def address_of(data: bytes) -> tuple[bytes, int]:
    """Address and port of a `struct sockaddr` of the two families."""
    port = int.from_bytes(data[2:4], "big")
    if int.from_bytes(data[:2], "little") == AF_INET:
        return data[4:8], port
    return plain_address(data[8:24]), port


def sockaddr(family: int, address: bytes, port: int) -> bytes:
    """The `struct sockaddr` of this address (ip(7), ipv6(7))."""
    head = family.to_bytes(2, "little") + port.to_bytes(2, "big")
    if family == AF_INET:
        return head + address + b"\0" * 8
    if len(address) == 4:
        address = _MAPPED + address
    return head + b"\0" * 4 + address + b"\0" * 4


class Control:
    """The socket that the shim asks.

    `is_aimed_at(name, address, port)`: true if some rule may disturb connections to this host, now
    or later. `spared`: loopback ports that are never touched.
    """

    def __init__(
        self,
        listener: socket,
        loop: Loop,
        relay: Relay,
        in_force: InForce,
        is_aimed_at: Callable[[str, bytes, int], bool],
        spared: frozenset[int],
    ) -> None:
        self._listener = listener
        self._loop = loop
        self._relay = relay
        self._in_force = in_force
        self._is_aimed_at = is_aimed_at
        self._spared = spared
        self._names: dict[bytes, str] = {}
        self._lookups: dict[int, tuple[socket, str]] = {}  # that have not told their addresses
        self._dead: dict[tuple[int, bool], tuple[object, int]] = {}
        self.heard = 0  # processes that said hello
        loop.watch(listener.fileno(), READ, self._accept)

    def _accept(self, events: int) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return
        line = socket(fileno=fd)
        line.setblocking(False)
        try:
            message = line.recv(_MESSAGE)
        except BlockingIOError:  # its question is on the way
            self._loop.watch(fd, READ, lambda events: self._ask(line))
            return
        self._answer(line, message)

    def _ask(self, line: socket) -> None:
        self._loop.forget(line.fileno())
        try:
            message = line.recv(_MESSAGE)
        except OSError:
            message = b""
        self._answer(line, message)

    def _answer(self, line: socket, message: bytes) -> None:
        what, flags, data = message[2:3], message[3:4], message[4:]
        keep = False
        try:
            if not message.startswith(_HEAD):
                return
            if what == b"H":
                self.heard += 1
            elif what == b"R":
                keep = self._resolve(line, data)
            elif what == b"C":
                line.send(self._connect(data, bool(flags[0] & _V6ONLY)), MSG_DONTWAIT)
            elif what == b"P":
                line.send(self._peer(data), MSG_DONTWAIT)
        except OSError:  # it has left
            pass
        finally:
            if not keep:
                line.close()

    # -- names ----------------------------------------------------------------------------------

    def _resolve(self, line: socket, data: bytes) -> bool:
        """Answer; true if the addresses are awaited."""
        name = data.decode("utf-8", "replace").lower().rstrip(".")
        for condition in self._in_force.of(name, None, 0):
            if isinstance(condition.disturbance, Unresolved):
                code, delay = _ERRORS[condition.disturbance.error]
                reply = code.to_bytes(4, "little", signed=True) + delay.to_bytes(4, "little")
                line.send(b"F\1E\0" + reply, MSG_DONTWAIT)
                condition.touched(name, 0)
                return False
        line.send(_GO_ON, MSG_DONTWAIT)
        fd = line.fileno()
        self._lookups[fd] = (line, name)
        self._loop.watch(fd, READ, lambda events: self._learn(fd))
        return True

    def _learn(self, fd: int) -> None:
        line, name = self._lookups.pop(fd)
        try:
            message = line.recv(_MESSAGE)
        except BlockingIOError:
            self._lookups[fd] = (line, name)
            return
        except OSError:
            message = b""
        self._loop.forget(fd)
        line.close()
        data = message[4:] if message.startswith(_HEAD + b"L") else b""
        while data and data[0] in (4, 16) and len(data) > data[0]:
            address = plain_address(data[1 : 1 + data[0]])
            self._names.pop(address, None)
            self._names[address] = name
            data = data[1 + data[0] :]
        while len(self._names) > _MOST_NAMES:
            del self._names[next(iter(self._names))]

    # -- connections ----------------------------------------------------------------------------

    def _connect(self, data: bytes, v6only: bool) -> bytes:
        """Answer with the address to connect to."""
        for fd in list(self._lookups):  # a lookup ends before its connection begins
            self._learn(fd)
        family = int.from_bytes(data[:2], "little")
        address, port = address_of(data)
        if port in self._spared and address == _LOOPBACK:
            return _GO_ON
        name = self._names.get(address, "")
        for condition in self._in_force.of(name, address, port):
            if isinstance(condition.disturbance, Unreachable):
                other = self._dead_port(family, v6only, condition)
                condition.touched(Host(name, address, port).text(), port)
                return other
        if not self._is_aimed_at(name, address, port):
            return _GO_ON
        relayed = self._relay.port_for(Host(name, address, port), v6=v6only)
        if not relayed:
            return _GO_ON
        return b"F\1T\0" + sockaddr(family, _LOOPBACK_6 if v6only else _LOOPBACK, relayed)

    def _dead_port(self, family: int, v6only: bool, condition: Condition) -> bytes:
        silent = condition.disturbance.silent
        key = (AF_INET6 if v6only else AF_INET, silent)
        if key not in self._dead:
            make = dead_ports.silent if silent else dead_ports.refusing
            self._dead[key] = make(key[0])
        return b"F\1T\0" + sockaddr(
            family, _LOOPBACK_6 if v6only else _LOOPBACK, self._dead[key][1]
        )

    def _peer(self, data: bytes) -> bytes:
        family = int.from_bytes(data[:2], "little")
        host = self._relay.host_behind(address_of(data)[1])
        if host is None or (family == AF_INET and len(host.address) != 4):
            return _GO_ON
        return b"F\1T\0" + sockaddr(family, host.address, host.port)
