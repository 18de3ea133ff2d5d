"""Answers to the shim's questions: lookups and connections of the function.

    HELLO               a process has the shim
    WAY                 `faultlayer-start` has taken this way
    RESOLVE name        ──> go on | fail with this error, after this time
    LEARNED name, addresses   a lookup that has ended
    CONNECT address     ──> go on | connect to this address instead
    PEER address        ──> the host behind a port of the relay

One connection for each question, so the shim keeps nothing. Names come from lookups alone: of two
names with one address, the one that was looked up last counts. shim/protocol.md has the messages.
"""

from __future__ import annotations

import posix
from _socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_PEEK,
    SOCK_SEQPACKET,
    socket,
)

from faultlayer.dependencies import dead_ports
from faultlayer.dependencies.conditions import Host, overtaken
from faultlayer.dependencies.loop import READ
from faultlayer.log import emit
from faultlayer.values.hosts import is_local, plain_address
from faultlayer.vocabulary.disturbances import Unreachable, Unresolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.dependencies.conditions import Condition, InForce
    from faultlayer.dependencies.loop import Loop
    from faultlayer.dependencies.observed import Observed
    from faultlayer.dependencies.relay import Relay
    from faultlayer.dependencies.ways import Ways

_HEAD = b"F\1"
_GO_ON = b"F\1D\0"
_MESSAGE = 1024  # bytes; the shim sends less
_LOOKS = 10  # for a question that comes right after its connection
_MOST_NAMES = 4096  # addresses whose names are known
_MOST_LINES = 256  # open, with their question on the way
_SIZES = {AF_INET: 16, AF_INET6: 24}  # bytes that a `struct sockaddr` has at least
_V6ONLY = 1
_LOOPBACK = b"\x7f\0\0\1"
_LOOPBACK_6 = b"\0" * 15 + b"\1"
_MAPPED = b"\0" * 10 + b"\xff\xff"
_ERRORS = {"nxdomain": -2, "servfail": -3, "timeout": -3}  # getaddrinfo(3)
_UNANSWERED = "timeout"


def _family(data: bytes) -> int:
    return int.from_bytes(data[:2], "little")


def _name(data: bytes) -> str:
    return data.decode("utf-8", "replace").lower().rstrip(".")


def _received(line: socket) -> bytes:
    """Read a new line's question.

    Raises BlockingIOError if none has come.
    """
    for _ in range(_LOOKS):
        try:
            return line.recv(_MESSAGE, MSG_DONTWAIT)
        except BlockingIOError:
            pass
    return line.recv(_MESSAGE, MSG_DONTWAIT)


def _descriptor() -> int | None:
    """A spare descriptor, to give back in need; None without one."""
    try:
        return posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None


def address_of(data: bytes) -> tuple[bytes, int]:
    """Address and port of a `struct sockaddr` of the two families."""
    port = int.from_bytes(data[2:4], "big")
    if _family(data) == AF_INET:
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


def _tell(line: socket, answer: bytes) -> bool:
    """Answer a question and close its line.

    False if the shim has left.
    """
    try:
        line.send(answer, MSG_DONTWAIT)
    except OSError:
        return False
    finally:
        line.close()
    return True


class Control:
    """The socket that the shim asks.

    `is_aimed_at(name, address, port)`: true if some rule may disturb connections to this host, now
    or later. `spared`: loopback ports that are never touched. `is_observing()`: true if all hosts
    are observed now.
    """

    def __init__(
        self,
        listener: socket,
        loop: Loop,
        relay: Relay,
        in_force: InForce,
        is_aimed_at: Callable[[str, bytes, int], bool],
        spared: frozenset[int],
        observed: Observed,
        is_observing: Callable[[], bool],
        ways: Ways,
    ) -> None:
        self._listener = listener
        self._loop = loop
        self._relay = relay
        self._in_force = in_force
        self._is_aimed_at = is_aimed_at
        self._spared = spared
        self._observed = observed
        self._is_observing = is_observing
        self._ways = ways
        self._names: dict[bytes, str] = {}
        self._lines: dict[int, socket] = {}  # whose question is on the way; the oldest first
        self._dead: dict[tuple[int, bool], tuple[object, int]] = {}
        self._spare = _descriptor()
        self.heard = 0  # processes that said hello
        loop.watch(listener.fileno(), READ, self._accept)

    def _accept(self, events: int) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return
        except OSError:
            self._refuse()
            return
        line = socket(AF_UNIX, SOCK_SEQPACKET, 0, fd)  # so the kernel need not be asked what it is
        try:
            message = _received(line)
        except BlockingIOError:
            if len(self._lines) >= _MOST_LINES:
                self._forget(next(iter(self._lines))).close()
            self._lines[fd] = line
            self._loop.watch(fd, READ, lambda events: self._ask(fd))
            return
        except OSError:  # it has left
            message = b""
        self._answer(line, message)

    def _refuse(self) -> None:
        """Close a connection without a descriptor: its shim need not wait."""
        if self._spare is None:
            self._spare = _descriptor()
        if self._spare is None:
            self._loop.rest(self._listener.fileno())
        else:
            posix.close(self._spare)
            try:
                posix.close(self._listener._accept()[0])  # type: ignore[attr-defined]
            except OSError:
                pass
            self._spare = _descriptor()

    def _forget(self, fd: int) -> socket:
        self._loop.forget(fd)
        return self._lines.pop(fd)

    def _ask(self, fd: int) -> None:
        line = self._forget(fd)
        try:
            message = line.recv(_MESSAGE, MSG_DONTWAIT)
        except OSError:
            message = b""
        self._answer(line, message)

    def _answer(self, line: socket, message: bytes) -> None:
        what, flags, data = message[2:3], message[3:4], message[4:]
        held = False
        try:
            if len(message) < 4 or not message.startswith(_HEAD):
                return
            if what == b"H":
                self.heard += 1
                self._ways.hello(line)
            elif what == b"W":
                self._ways.told(flags[0])
            elif what == b"R":
                self._resolve(line, data)
            elif what == b"L":
                self._learn(data)
            elif what in (b"C", b"P") and len(data) < _SIZES.get(_family(data), _MESSAGE):
                line.send(_GO_ON, MSG_DONTWAIT)
            elif what == b"C":
                v6only = bool(flags[0] & _V6ONLY)
                self._connect(data, v6only, lambda answer: _tell(line, answer))
                held = True
            elif what == b"P":
                line.send(self._peer(data), MSG_DONTWAIT)
        except OSError:  # it has left, or there is no port or descriptor for it
            pass
        except Exception as error:  # of one question: the others are answered
            emit("error", "internal_error", message=type(error).__name__)
        finally:
            if not held:
                line.close()

    # -- names ----------------------------------------------------------------------------------

    def _resolve(self, line: socket, data: bytes) -> None:
        name = _name(data)
        conditions = self._in_force.of(name, None, 0)
        for condition in conditions:
            if isinstance(condition.disturbance, Unresolved):
                code, delay = _ERRORS[condition.disturbance.error], 0
                if condition.disturbance.error == _UNANSWERED:
                    from faultlayer.dependencies.resolver import unanswered

                    delay = unanswered()
                reply = code.to_bytes(4, "little", signed=True) + delay.to_bytes(4, "little")
                try:
                    line.send(b"F\1E\0" + reply, MSG_DONTWAIT)
                except OSError:  # the shim has left: the name is looked up
                    self._in_force.missed += 1
                    raise
                condition.touched(name, 0)
                overtaken(conditions, condition)
                return
        line.send(_GO_ON, MSG_DONTWAIT)

    def _learn(self, data: bytes) -> None:
        size = data[0] if data else 0
        name, data = _name(data[1 : 1 + size]), data[1 + size :]
        while name and data and data[0] in (4, 16) and len(data) > data[0]:
            address = plain_address(data[1 : 1 + data[0]])
            self._names.pop(address, None)
            self._names[address] = name
            data = data[1 + data[0] :]
        while len(self._names) > _MOST_NAMES:
            del self._names[next(iter(self._names))]

    def _learn_what_was_told(self) -> None:
        """Read all lookups that ended: they come before their connections."""
        for fd, line in list(self._lines.items()):
            try:
                if line.recv(3, MSG_PEEK | MSG_DONTWAIT) == _HEAD + b"L":
                    self._ask(fd)
            except OSError:  # nothing is there yet
                pass

    # -- connections ----------------------------------------------------------------------------

    def _connect(self, data: bytes, v6only: bool, then: Callable[[bytes], bool]) -> None:
        """Answer with the address to connect to.

        `then` is false if the shim has left.
        """
        self._learn_what_was_told()
        family = _family(data)
        address, port = address_of(data)
        if (port in self._spared and address == _LOOPBACK) or (
            v6only and len(address) == 4  # the kernel refuses it
        ):
            then(_GO_ON)
            return
        name = self._names.get(address, "")
        conditions = self._in_force.of(name, address, port)
        for condition in conditions:
            if isinstance(condition.disturbance, Unreachable):
                other = self._dead_port(family, v6only, condition)
                if then(other):
                    condition.touched(Host(name, address, port).text(), port)
                    overtaken(conditions, condition)
                else:
                    self._in_force.missed += 1
                return
        is_aimed_at = self._is_aimed_at(name, address, port)
        local_only = not is_aimed_at and is_local(name, address)
        observing = self._is_observing() and not local_only
        if not (is_aimed_at or observing):
            if local_only:
                self._in_force.left_local()
            then(_GO_ON)
            return
        host, sums = Host(name, address, port), None
        if observing:
            self._observed.look()
            sums = self._observed.of(host.text(), port)
        local = _LOOPBACK_6 if v6only else _LOOPBACK

        def found(relayed: int) -> None:
            if not relayed:
                self._in_force.went_direct(name, address, port)
                then(_GO_ON)
            elif not then(b"F\1T\0" + sockaddr(family, local, relayed)):
                self._in_force.missed += 1

        self._relay.lead(host, found, v6=v6only, sums=sums, needed=is_aimed_at)

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
        family = _family(data)
        host = self._relay.host_behind(address_of(data)[1])
        if host is None or (family == AF_INET and len(host.address) != 4):
            return _GO_ON
        return b"F\1T\0" + sockaddr(family, host.address, host.port)
