"""One thread for many descriptors: accept connections, and relay them byte for byte if need be.

    Loop ──a descriptor is ready──> its function
    Door ──a connection, and a socket for its other side──> the proxy, or a Relay

It is loaded before the proxy's address is published. So a runtime that was sent here is served even
if no thread can be started for it, or the data path cannot be loaded: then its connections are
relayed, and no fault is injected. It never waits for one connection alone.
"""

from __future__ import annotations

import select
from _socket import AF_INET, MSG_DONTWAIT, SHUT_WR, SOCK_CLOEXEC, SOCK_STREAM, socket
from time import monotonic, sleep

from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READABLE, _WRITABLE = 1, 4  # POLLIN, POLLOUT
Socket = socket
_PAUSE = 0.05  # seconds until a descriptor whose function has failed is looked at again
_SIZE = 65536


class Loop:
    """Calls the function of each descriptor that is ready, until `turn` is called no more."""

    __slots__ = ("_calls", "_later", "_poller", "_resting")

    def __init__(self) -> None:
        self._poller = select.poll()
        self._calls: dict[int, tuple[int, Callable[[], object]]] = {}
        self._resting: list[int] = []
        self._later: tuple[float, Callable[[], object]] | None = None

    def add(self, fd: int, events: int, call: Callable[[], object]) -> None:
        """Register the only function for these events of this descriptor."""
        self._calls[fd] = events, call
        self._poller.register(fd, events)

    def remove(self, fd: int) -> None:
        """Forget a descriptor, which is still open."""
        if self._calls.pop(fd, None) is not None and fd not in self._resting:
            self._poller.unregister(fd)

    def rest(self, fd: int) -> None:
        """Leave a descriptor alone for a moment: it is ready, but nothing can be done about it."""
        if fd in self._calls and fd not in self._resting:
            self._poller.unregister(fd)
            self._resting.append(fd)

    def call_after(self, seconds: float, call: Callable[[], object]) -> None:
        """Call this once, after so many seconds of a clock that stands still while frozen."""
        self._later = monotonic() + seconds, call

    def _call_later(self) -> float | None:
        """Make the calls that are due; return the milliseconds to wait at most."""
        if self._later is not None and self._later[0] <= monotonic():
            call, self._later = self._later[1], None
            call()
        pauses = [_PAUSE] if self._resting else []
        if self._later is not None:
            pauses.append(max(self._later[0] - monotonic(), 0))
        return min(pauses) * 1000 + 1 if pauses else None

    def turn(self) -> None:
        """Wait until a descriptor is ready, and call its function."""
        try:
            ready = self._poller.poll(self._call_later())
        except (OSError, MemoryError):
            sleep(_PAUSE)
            return
        while self._resting:
            fd = self._resting.pop()
            if fd in self._calls:
                self._poller.register(fd, self._calls[fd][0])
        for fd, _ in ready:
            found = self._calls.get(fd)
            if found is None:  # removed by another's function
                continue
            try:
                found[1]()
            except Exception as error:
                emit("error", "internal_error", message=type(error).__name__)
                self.rest(fd)


def accept(listener: socket) -> socket:
    """The next connection to the listener."""
    fd, _ = listener._accept()  # type: ignore[attr-defined]
    return socket(AF_INET, SOCK_STREAM, 0, fd)


class Door:
    """Accepts connections, each of them with an unconnected socket for its other side.

    One for which there is no descriptor waits in the listener's queue: a connection that was
    accepted and cannot be served would end the runtime. `spares`: such sockets that were not used.
    """

    __slots__ = ("_come", "_failing", "_listener", "_loop", "spares")

    def __init__(
        self,
        loop: Loop,
        listener: socket,
        come: Callable[[socket, socket], object],
        spares: list[socket],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._come = come
        self._failing = False
        self.spares = spares
        loop.add(listener.fileno(), READABLE, self._accept)

    def _accept(self) -> None:
        try:
            if not self.spares:
                self.spares.append(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC))
            client = accept(self._listener)
        except (OSError, MemoryError) as error:  # no descriptors, or a client that has left
            if not self._failing:
                emit("error", "internal_error", message=type(error).__name__)
            self._failing = True
            self._loop.rest(self._listener.fileno())
            return
        self._failing = False
        self._come(client, self.spares.pop())


class Relay:
    """One connection, whose bytes pass as they come, both ways.

    An end that sends no more is told to the other end once that has got all that was sent.
    """

    __slots__ = ("_due", "_ended", "_ends", "_loop", "_told", "_watched")

    def __init__(self, loop: Loop, client: socket, upstream: socket) -> None:
        self._loop = loop
        self._ends = client, upstream
        self._due = [b"", b""]  # bytes that each end is still to be sent
        self._ended = [False, False]  # each end will send no more
        self._told = [False, False]  # each end knows that the other one has ended
        self._watched = [0, 0]
        self._arrange()

    def _arrange(self) -> None:
        """Watch the ends that can send or receive; close both if none can."""
        for at in (0, 1):
            events = _WRITABLE if self._due[at] else 0
            if not self._ended[at] and not self._due[1 - at]:
                events |= READABLE
            if events != self._watched[at]:
                fd = self._ends[at].fileno()
                if events:
                    self._loop.add(fd, events, self._sender(at))
                else:  # else the kernel would report the end of the connection again and again
                    self._loop.remove(fd)
                self._watched[at] = events
        if not any(self._watched):
            self._close()

    def _sender(self, at: int) -> Callable[[], None]:
        return lambda: self._move(at)

    def _move(self, at: int) -> None:
        """Send this end its waiting bytes, or else receive from it."""
        try:
            if self._due[at]:
                sent = self._ends[at].send(self._due[at], MSG_DONTWAIT)
                self._due[at] = self._due[at][sent:]
            elif not self._ended[at] and not self._due[1 - at]:
                data = self._ends[at].recv(_SIZE, MSG_DONTWAIT)
                self._due[1 - at] = data
                self._ended[at] = not data
            for end in (0, 1):
                if self._ended[1 - end] and not self._due[end] and not self._told[end]:
                    self._told[end] = True
                    self._ends[end].shutdown(SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            return
        self._arrange()

    def _close(self) -> None:
        for at in (0, 1):
            if self._watched[at]:
                self._loop.remove(self._ends[at].fileno())
                self._watched[at] = 0
            self._ends[at].close()


def relay(loop: Loop, client: socket, upstream: socket, address: tuple[str, int]) -> None:
    """Connect the second socket to this address, and relay between the two."""
    try:
        upstream.connect(address)
    except OSError:  # Lambda cannot be reached, which the runtime notices
        upstream.close()
        client.close()
        return
    Relay(loop, client, upstream)
