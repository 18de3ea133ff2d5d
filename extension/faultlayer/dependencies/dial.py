"""Connections by host name, for clients of the proxy.

    name ── DNS ──> addresses ── CONNECT ──> the first that answers ──> done(socket, host)
             │                      └─ none ──> done: refused
             └─ no such name, no answer ──> done: the resolver's error

Lookups may block, so each has a thread for as long as it takes. The conditions in force hold for
each step, as they do for a program with the shim. An address that has not answered after a moment
is left to try, and the next one is tried beside it, as HTTP clients do (RFC 8305).
"""

from __future__ import annotations

from _socket import (
    AF_INET,
    AF_INET6,
    AI_ADDRCONFIG,
    IPPROTO_TCP,
    SO_ERROR,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    gaierror,
    getaddrinfo,
    inet_pton,
    socket,
)
from _thread import start_new_thread
from errno import EINPROGRESS
from time import monotonic

from faultlayer.dependencies.conditions import Host, overtaken
from faultlayer.dependencies.loop import WRITE
from faultlayer.dependencies.resolver import unanswered
from faultlayer.values.hosts import address_text, plain_address
from faultlayer.vocabulary.disturbances import Unreachable, Unresolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.dependencies.conditions import Condition, InForce
    from faultlayer.dependencies.loop import Loop
    from faultlayer.dependencies.observed import HostSum

    Done = Callable[["Connected | None", str], None]

REFUSED, NO_SUCH_HOST, NO_ANSWER, MISBEHAVING = "refused", "nxdomain", "timeout", "servfail"
_NOT_FOUND = (-2, -5)  # EAI_NONAME and EAI_NODATA (getaddrinfo(3))
_STEP = 0.3  # seconds until another address is tried too
_MOST_LOOKUPS = 32  # threads at once


def literal(name: str) -> bytes | None:
    """Parse an IP address; None if the text is a name."""
    for family in (AF_INET, AF_INET6):
        try:
            return plain_address(inet_pton(family, name))
        except (OSError, ValueError):
            pass
    return None


class Resolver:
    """Look names up, a limited number at once; the others wait."""

    __slots__ = ("_loop", "_running", "_waiting")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._running = 0
        self._waiting: list[tuple[str, Callable[[list[bytes], str], None]]] = []

    def look_up(self, name: str, done: Callable[[list[bytes], str], None]) -> None:
        """Call `done` with the addresses of this name, or with the error."""
        self._waiting.append((name, done))
        self._begin()

    def _begin(self) -> None:
        while self._waiting and self._running < _MOST_LOOKUPS:
            name, done = self._waiting.pop(0)
            try:
                start_new_thread(self._run, (name, done))
            except RuntimeError:  # no thread: as if no name server could be asked
                self._loop.at(0, lambda done=done: done([], MISBEHAVING))  # type: ignore[misc]
            else:
                self._running += 1

    def _run(self, name: str, done: Callable[[list[bytes], str], None]) -> None:
        found, error = _addresses(name)
        self._loop.call(lambda: self._finish(found, error, done))

    def _finish(
        self, found: list[bytes], error: str, done: Callable[[list[bytes], str], None]
    ) -> None:
        self._running -= 1
        self._begin()
        done(found, error)


def _addresses(name: str) -> tuple[list[bytes], str]:
    found: list[bytes] = []
    try:
        answers = getaddrinfo(name.encode("ascii"), None, 0, SOCK_STREAM, 0, AI_ADDRCONFIG)
        for family, _, _, _, place in answers:
            address = plain_address(inet_pton(family, str(place[0]).partition("%")[0]))
            if address not in found:
                found.append(address)
    except gaierror as error:
        return [], NO_SUCH_HOST if error.errno in _NOT_FOUND else MISBEHAVING
    except Exception:  # raised in a thread of its own, so `done` would never be called
        return [], MISBEHAVING
    return found, ""


class Connected:
    """A connection to a host.

    `sums`: the sum that counts it; None if it is not counted.
    """

    __slots__ = ("host", "sock", "sums")

    def __init__(self, sock: socket, host: Host, sums: HostSum | None) -> None:
        self.sock = sock
        self.host = host
        self.sums = sums


class Dial:
    """An attempt to connect to a host by its name or address.

    `done(connected, error)` is called once, unless the attempt is cancelled. `sums`: the sum that
    counts the connection; None if it is not counted.
    """

    def __init__(
        self, loop: Loop, in_force: InForce, resolver: Resolver, name: str, port: int, done: Done
    ) -> None:
        self._loop = loop
        self._in_force = in_force
        self._name = name
        self._port = port
        self._done = done
        self._addresses: list[bytes] = []
        self._trying: dict[int, socket] = {}
        self._silent = False  # an address is a black hole: nothing is ever heard of it
        self._over = False
        self._begun = monotonic()
        self.sums: HostSum | None = None
        self._resolver = resolver

    def start(self) -> None:
        """Look the name up; connect at once if it is an address."""
        if self._over:
            return
        if self.sums is not None:
            self.sums.connections += 1
        address = literal(self._name)
        if address is not None:
            self._name = ""
            self._addresses = [address]
            self._connect()
            return
        conditions = self._in_force.of(self._name, None, self._port)
        for condition in conditions:
            if isinstance(condition.disturbance, Unresolved):
                overtaken(conditions, condition)
                self._fail_lookup(condition)
                return
        self._resolver.look_up(self._name, self._looked_up)

    def _fail_lookup(self, condition: Condition) -> None:
        condition.touched(self._name, 0)
        error = condition.disturbance.error
        pause = unanswered() / 1000 if error == NO_ANSWER else 0
        self._loop.at(monotonic() + pause, lambda: self._fail(error))

    def _looked_up(self, addresses: list[bytes], error: str) -> None:
        if self._over:
            return
        if error:
            self._fail(error)
            return
        self._addresses = addresses
        self._connect()

    def _connect(self) -> None:
        self._begun = monotonic()
        self._next()

    def _next(self) -> None:
        """Try the next address; fail if none is left or being tried."""
        while self._addresses and not self._over:
            if self._begin(self._addresses.pop(0)):
                if self._addresses:
                    self._loop.at(monotonic() + _STEP, self._next)
                return
        if not self._over and not self._trying and not self._silent:
            self._fail(REFUSED)

    def _begin(self, address: bytes) -> bool:
        """Try this address; false if it fails at once.

        An address that is to stay silent counts as being tried for ever.
        """
        conditions = self._in_force.of(self._name, address, self._port)
        for condition in conditions:
            if isinstance(condition.disturbance, Unreachable):
                overtaken(conditions, condition)
                condition.touched(self._name or address_text(address), self._port)
                self._silent = self._silent or condition.disturbance.silent
                return bool(condition.disturbance.silent)
        return self._try(address)

    def _try(self, address: bytes) -> bool:
        family = AF_INET if len(address) == 4 else AF_INET6
        try:
            sock = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
        except OSError:
            return False
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        error = sock.connect_ex((address_text(address), self._port))
        if error not in (0, EINPROGRESS):
            sock.close()
            return False
        self._trying[sock.fileno()] = sock
        self._loop.watch(sock.fileno(), WRITE, lambda events: self._answered(sock, address))
        return True

    def _answered(self, sock: socket, address: bytes) -> None:
        self._loop.forget(sock.fileno())
        del self._trying[sock.fileno()]
        if sock.getsockopt(SOL_SOCKET, SO_ERROR):
            sock.close()
            self._next()
            return
        self._stop()
        if self.sums is not None:
            self.sums.connect.add(monotonic() - self._begun)
        self._done(Connected(sock, Host(self._name, address, self._port), self.sums), "")

    def _fail(self, error: str) -> None:
        if not self._over:
            self.cancel()
            self._done(None, error)

    def cancel(self) -> None:
        """Stop trying: the attempt has failed, or its client has left."""
        if not self._over and self.sums is not None:
            self.sums.failed += 1
        self._stop()

    def _stop(self) -> None:
        self._over = True
        self._addresses = []
        for fd, sock in self._trying.items():
            self._loop.forget(fd)
            sock.close()
        self._trying.clear()
