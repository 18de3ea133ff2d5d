"""Connections and waiting, on the bare `_socket`.

The `socket` module alone would double the start time. Calls block and have no timeouts: a timeout
costs a system call each time.
"""

from __future__ import annotations

import select
from _socket import (
    AF_INET,
    IPPROTO_TCP,
    MSG_DONTWAIT,
    MSG_PEEK,
    SHUT_RDWR,
    SHUT_WR,
    SO_LINGER,
    SOCK_CLOEXEC,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    socket,
)
from time import monotonic, sleep, thread_time

from faultlayer.http.framing import MAX_HEAD, ProtocolError, head_end, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http.framing import Body
    from faultlayer.wire.interrupts import Interruption

SIZE = 65536  # bytes of one receive; most invocations fit in one
BULK = 262144  # bytes of one receive of a large body
_SCARCE = 4096  # bytes of one receive of it if memory is short
_LINGER_MS = 1000
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, for no time
_LONGEST_REST = 0.25  # seconds between two looks at the kernel's table of sockets
_LOOK = 0.05  # seconds between two looks at a state that signals no changes

Address = tuple[str, int]


class Gone(Exception):
    """The peer closed its side although more was due."""


class Peer:
    """One connection.

    - `pending`: bytes that were received and not yet taken
    - `interruption`: set once another thread has ended a wait for bytes
    """

    __slots__ = ("interruption", "pending", "recv", "send", "sock")

    def __init__(self, sock: socket) -> None:
        try:
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        except OSError:  # slower, but a connection
            pass
        self.sock = sock
        self.pending = b""
        self.interruption: Interruption | None = None
        self.recv: Callable[[int], bytes] = sock.recv
        self.send = sock.sendall

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close so that the other side stops sending at once.

        A connection that was hung up on takes no more, and need not say so: with its window full at
        that moment the other side waits until the kernel forgets it, a minute later.
        """
        self.sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        self.sock.close()

    def hang_up(self) -> None:
        """End the connection, also while another thread waits for it."""
        try:
            self.sock.shutdown(SHUT_RDWR)
        except OSError:
            pass

    def interrupt(self) -> None:
        """End another thread's wait for bytes: it receives none. Later bytes arrive as ever."""
        if self.interruption is None:
            from faultlayer.wire.interrupts import Interruption

            self.interruption = Interruption(self.sock)
            self.recv = self.interruption.recv
        self.interruption.end_wait()

    def noticed_interrupt(self) -> bool:
        """True, once, if a wait was ended by `interrupt`."""
        if self.interruption is None or not self.interruption.due:
            return False
        self.interruption.due = False
        return True

    def take(self) -> bytes:
        """The pending bytes, or else those that arrive next; empty at the end of the stream."""
        if self.pending:
            data, self.pending = self.pending, b""
            return data
        return self.recv(SIZE)

    def complete_head(self, data: bytes) -> tuple[bytes, bytes, int]:
        """Receive until data holds a whole head; return it, and the result of `framing.scan`."""
        held, tail = bytearray(data), data[-3:]
        while len(held) <= MAX_HEAD:
            more = self.recv(SIZE)
            if not more:
                raise Gone("in the middle of a head")
            held += more
            if head_end(tail + more) >= 0:
                data = bytes(held)
                return (data, *scan(data))
            tail = (tail + more)[-3:]
        raise ProtocolError("a header block without end")

    def complete(self, data: bytes, size: int) -> bytes:
        """Receive until data holds `size` bytes; bytes beyond them become pending."""
        parts, total = [data], len(data)
        while total < size:
            more = self.recv(SIZE)
            if not more:
                raise Gone("in the middle of a body")
            parts.append(more)
            total += len(more)
        data = b"".join(parts)
        self.pending = data[size:]
        return data[:size]

    def stale(self) -> bool:
        """True if this idle connection is of no use: closed, or with bytes nobody asked for."""
        try:
            self.sock.recv(1, MSG_PEEK | MSG_DONTWAIT)
        except BlockingIOError:
            return bool(self.pending)
        except OSError:
            pass
        return True

    def has_finished(self) -> bool:
        """True if the other side will send no more, even if bytes of it are unread."""
        poller = select.poll()
        try:
            poller.register(self.sock.fileno(), select.POLLRDHUP)
        except ValueError:  # closed here meanwhile
            return True
        return bool(poller.poll(0))

    def left(self) -> bool:
        """True if the other side is gone: it sends no more, and reads nothing either."""
        if not self.has_finished():
            return False
        # Not before: a runtime that shuts its sending side alone is rare.
        from faultlayer.wire.half_closed import half_closed

        return not half_closed([self.sock])

    def next_bytes(self, count: int) -> bytes:
        """Up to so many bytes that have arrived, and are not taken by this."""
        try:
            return self.pending[:count] or self.sock.recv(count, MSG_PEEK | MSG_DONTWAIT)
        except OSError:
            return b""

    def last_words(self) -> bytes:
        """The bytes that the other side sent before it closed; empty if there are none."""
        try:
            return self.sock.recv(SIZE, MSG_DONTWAIT)
        except OSError:
            return b""

    def linger(self) -> None:
        """Finish sending, then read a while: a close with unread input resets the response."""
        try:
            self.sock.shutdown(SHUT_WR)
            poller = select.poll()
            poller.register(self.sock.fileno(), select.POLLIN)
            while poller.poll(_LINGER_MS) and self.recv(SIZE):
                pass
        except OSError:
            pass


def connect(address: Address, sock: socket | None = None) -> Peer:
    """A new connection to this address, by this socket if given; raises OSError if it fails."""
    if sock is None:
        sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    try:
        sock.connect(address)
        return Peer(sock)
    except OSError:
        sock.close()
        raise


class Watch:
    """Notices that a runtime has left while its connection waits for an event.

    The main thread looks for all connections if some runtime hangs up: polling both sides at each
    wait would cost every invocation a system call. A runtime that shuts its sending side alone
    still reads. Nothing tells when it closes the rest, so it is looked at again and again.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[Peer, Callable[[], None]]] = {}
        self._rest_until = 0.0

    def add(self, peer: Peer, left: Callable[[], None]) -> None:
        """Call `left` from the main thread once the peer has closed its side.

        Raises OSError if it cannot be watched.
        """
        fd = peer.sock.fileno()
        self._watched[fd] = peer, left
        try:
            self._epoll.register(fd, select.EPOLLRDHUP | select.EPOLLET | select.EPOLLONESHOT)
        except BaseException:
            del self._watched[fd]
            raise

    def remove(self, peer: Peer) -> None:
        """Forget a peer that is about to be closed."""
        fd = peer.sock.fileno()
        if self._watched.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except OSError:  # closing it does the same
                pass

    def fileno(self) -> int:
        """The descriptor that is ready to be read if some peer has left."""
        return self._epoll.fileno()

    def look(self) -> bool:
        """Tell those whose peers have left; true if some must be looked at again a little later."""
        finished = []
        for fd, _ in self._epoll.poll(0):
            # The number may belong to a newer connection by now: ask the socket itself.
            peer, left = self._watched.get(fd, (None, None))
            if peer is not None and left is not None and peer.has_finished():
                finished.append((fd, peer, left))
        if not finished:
            return False
        again = self._still_read([peer.sock for _, peer, _ in finished])
        for fd, peer, left in finished:
            if peer.sock not in again:
                left()
                continue
            try:
                self._epoll.modify(fd, select.EPOLLRDHUP | select.EPOLLONESHOT)
            except OSError:  # its connection has come to an end
                pass
        return bool(again)

    def _still_read(self, socks: list[socket]) -> list[socket]:
        """Those of these whose other side still reads, or that are to be looked at later.

        The kernel's table takes longer the more sockets the machine has. It gets a tenth of the
        time at most, since this thread accepts connections, too.
        """
        from faultlayer.wire.half_closed import half_closed

        if monotonic() < self._rest_until:
            return socks
        began = thread_time()
        found = half_closed(socks)
        self._rest_until = monotonic() + min(9 * (thread_time() - began), _LONGEST_REST)
        return found


def wait_while_open(peer: Peer, seconds: float, clock: Callable[[], float]) -> None:
    """Wait this long (seconds of this monotonic clock); raise Gone if the peer leaves."""
    poller = select.poll()
    poller.register(peer.sock.fileno(), select.POLLRDHUP)
    until = clock() + seconds
    while (left := until - clock()) > 0:
        if poller.poll(left * 1000):
            if peer.left():
                raise Gone("the runtime, while held")
            sleep(min(left, _LOOK))


def wait_for_input(
    peer: Peer, until: float, clock: Callable[[], float], wanted: Callable[[], bool]
) -> None:
    """Wait until that time of this monotonic clock, or until the peer has sent something.

    If the peer has finished, so that nothing can come from it, wait as long as `wanted` holds.
    """
    poller = select.poll()
    poller.register(peer.sock.fileno(), select.POLLIN)
    while (left := until - clock()) > 0 and not peer.pending and wanted():
        if poller.poll(left * 1000):
            if peer.next_bytes(1):
                return
            sleep(min(left, _LOOK))


def duplex(
    client: Peer,
    upstream: Peer,
    first: bytes,
    body: Body,
    heard: Callable[[bytes], object],
) -> int | None:
    """Send `first`, then the rest of the client's body, upstream; read from both meanwhile.

    Bytes that upstream sends before all is sent go to `heard`. Returns None once all is sent; if
    upstream ends the connection before that, the number of bytes that were taken from the client.
    Raises Gone if the client closes within the body.
    """
    poller = select.poll()
    client_fd, upstream_fd = client.sock.fileno(), upstream.sock.fileno()
    out, taken = memoryview(first), 0
    while out or not body.done:
        poller.register(upstream_fd, select.POLLIN | (select.POLLOUT if out else 0))
        if not out:
            poller.register(client_fd, select.POLLIN)
        events = dict(poller.poll())
        if not out:
            poller.unregister(client_fd)
        if events.get(upstream_fd, 0) & ~select.POLLOUT:
            data = upstream.last_words()
            if not data:
                return taken
            heard(data)
        elif out:
            try:
                out = out[upstream.sock.send(out, MSG_DONTWAIT) :]
            except (BlockingIOError, ConnectionError):
                pass  # the next look at it tells why
        else:
            data = _bulk(client)
            if not data:
                raise Gone("in the middle of a body")
            taken += len(data)
            count = body.feed(data)
            out, client.pending = memoryview(data)[:count], data[count:]
    return None


def _exactly(source: Peer) -> Callable[[], bytes]:
    """Receive into one buffer, and return pieces of their own size.

    `recv` allocates a full buffer and shrinks it to the bytes received, which leaves holes in the
    heap: several MB in a stream of 200.
    """
    buffer = bytearray(SIZE)
    view, receive = memoryview(buffer), source.sock.recv_into
    return lambda: bytes(view[: receive(buffer)])


def _bulk(source: Peer) -> bytes:
    """The next piece of a large body; a small piece if memory is short."""
    try:
        return source.recv(BULK)
    except MemoryError:
        return source.recv(_SCARCE)


def stream(
    source: Peer,
    body: Body,
    sink: Callable[[bytes], object],
    out: Callable[[bytes], object] | None = None,
    *,
    kept: bool = False,
) -> None:
    """Receive the rest of a body; give each piece, as it came, to `sink`.

    `out` is given the content alone. Raises Gone if the source closes within the body; if the
    pieces are `kept`, MemoryError while there is still room to pass them on.
    """
    if out:
        receive = _exactly(source)
    else:
        receive = (lambda: source.recv(BULK)) if kept else (lambda: _bulk(source))
    while not body.done:
        data = source.take() if source.pending else receive()
        if not data:
            if body.until_close:
                return
            raise Gone("in the middle of a body")
        count = body.feed(data, out)
        source.pending = data[count:]
        sink(data if count == len(data) else data[:count])
