"""A wait for bytes ended by another thread, on a connection that is still needed.

    interrupt ──> the thread that waits receives nothing ──> it does something else
                                                        └──> or receives again: nothing is lost

Linux ends all waits of a socket at SHUT_RD, and goes on receiving; `poll` calls such a socket
readable for ever, but `epoll` tells of each arrival. So a wait costs nothing as long as nobody ends
it. Loaded only if a wait is to be ended.
"""

from __future__ import annotations

import select
from _socket import AF_INET, IPPROTO_TCP, SHUT_RD, SOCK_CLOEXEC, SOCK_STREAM, TCP_INFO, socket

from faultlayer.startup.listener import listen

_ESTABLISHED = 1  # tcp_states.h: neither side has ended the connection
_SOON = 1.0  # seconds in which loopback delivers
_possible: bool | None = None


class Interruption:
    """How a connection receives once a wait of it was ended.

    `due`: a wait is to be ended that has not seen it yet; who has seen it sets it to false.
    """

    __slots__ = ("_arrivals", "_sock", "due")

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._arrivals = _arrivals(sock)
        self.due = False

    def end_wait(self) -> None:
        """End the wait of another thread: it receives nothing."""
        self.due = True
        self._sock.shutdown(SHUT_RD)

    def recv(self, size: int) -> bytes:
        """As a socket's `recv`; nothing as well if a wait is to be ended."""
        while True:
            data = self._sock.recv(size)
            if data or self.due:
                return data
            if self._sock.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0] != _ESTABLISHED:
                return self._sock.recv(size)  # it may have come before the end, after the look
            self._arrivals.poll()


def _arrivals(sock: socket) -> select.epoll:
    """An epoll that reports each arrival at this socket."""
    arrivals = select.epoll()
    arrivals.register(sock.fileno(), select.EPOLLIN | select.EPOLLET)
    return arrivals


def is_possible() -> bool:
    """True if this kernel goes on receiving after SHUT_RD: tried once."""
    global _possible
    if _possible is None:
        try:
            _possible = _is_possible()
        except OSError:
            return False
    return _possible


def _is_possible() -> bool:
    listener, _ = listen(0)
    one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    try:
        one.connect(listener.getsockname())
        fd, _ = listener._accept()  # type: ignore[attr-defined]
    except OSError:
        one.close()
        raise
    finally:
        listener.close()
    other = socket(AF_INET, SOCK_STREAM, 0, fd)
    try:
        one.shutdown(SHUT_RD)
        other.sendall(b"1")
        arrivals = _arrivals(one)
        for _ in range(2):  # readable at once in any case; after that by what arrives
            arrivals.poll(_SOON)
            if one.recv(1):
                return True
        return False
    finally:
        one.close()
        other.close()
