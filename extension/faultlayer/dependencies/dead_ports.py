"""Addresses on loopback that refuse a connection, or never answer it. The kernel does both.

- Refused: a socket that is bound and does not listen. Nobody else can get its port meanwhile.
- Silent: a listener whose queue is full, so that the kernel drops every SYN (tcp(7), listen(2)).
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, socket

_HOSTS = {AF_INET: "127.0.0.1", AF_INET6: "::1"}
_FILLING = 2  # connections: a backlog of 0 has room for one, and one more may be on its way


def refusing(family: int) -> tuple[socket, int]:
    """A socket whose port refuses, and that port; keep it as long as the port is given away."""
    held = socket(family, SOCK_STREAM | SOCK_CLOEXEC)
    held.bind((_HOSTS[family], 0))
    return held, held.getsockname()[1]


def silent(family: int) -> tuple[list[socket], int]:
    """Sockets that keep a port silent, and that port."""
    listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC)
    listener.bind((_HOSTS[family], 0))
    listener.listen(0)
    held = [listener]
    for _ in range(_FILLING):
        filler = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
        filler.connect_ex(listener.getsockname())
        held.append(filler)
    return held, listener.getsockname()[1]
