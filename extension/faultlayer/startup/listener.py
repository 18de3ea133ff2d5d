"""The loopback listener: bound before the extension registers, never reachable from elsewhere."""

from __future__ import annotations

from _socket import AF_INET, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET, socket

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024


Listener = socket


def listen(port: int) -> tuple[Listener, int]:
    """A loopback listener on this port, or on any free one if it is taken; and its port."""
    try:
        sock = listen_at(port)
    except OSError:
        sock = listen_at(0)
    return sock, sock.getsockname()[1]


def listen_at(port: int) -> Listener:
    """A listener on this port; raises OSError if it is taken, even between bind and listen."""
    sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    try:
        if port:  # its connections of an earlier environment may still be there
            sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
