"""The loopback listener: bound before the extension registers, never reachable from elsewhere."""

from __future__ import annotations

from _socket import (
    AF_INET,
    AF_INET6,
    SO_REUSEADDR,
    SOCK_STREAM,
    SOL_SOCKET,
    getaddrinfo,
    inet_aton,
    inet_ntoa,
    inet_pton,
    socket,
)

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024
_LOOPBACK, _ANY = bytes((127, 0, 0, 1)), bytes(4)  # a connection to 0.0.0.0 goes to loopback
_MAPPED = bytes(10) + b"\xff\xff"  # IPv4 in IPv6: ::ffff:127.0.0.1
_IPV6_LOOPBACK = (bytes(15) + b"\1", bytes(16))  # ::1, and :: which leads there

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
    sock = socket(AF_INET, SOCK_STREAM)  # Python opens it as not inheritable
    try:
        if port:  # its connections of an earlier environment may still be there
            sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _ipv4(host: str) -> bytes:
    """The IPv4 address that this text spells, as four bytes; raises OSError if it spells none."""
    if not _is_ipv6(host):
        return inet_aton(host)  # 127.1, 0x7f.1 and 2130706433 as well
    address = inet_pton(AF_INET6, host.strip("[]"))
    if address[:12] != _MAPPED:
        raise OSError("an IPv6 address")
    return address[12:]


def _is_ipv6(host: str) -> bool:
    return host.startswith("[") or host.count(":") > 1


def is_loopback(host: str) -> bool:
    """True if this text spells our address, in whatever way, or a name of it."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return _ipv4(host) in (_LOOPBACK, _ANY)
    except OSError:
        return False


def another_address(address: tuple[str, int], own_port: int) -> tuple[str, int]:
    """This address with its host as four numbers, so that connecting needs no name service.

    Raises ValueError if it is our own, by whatever name, or cannot be connected to.
    """
    host, port = address
    if is_loopback(host):
        found = LOOPBACK
    else:
        try:
            found = inet_ntoa(_ipv4(host))
        except OSError:
            found = _resolved(host, port)
    if port == own_port and is_loopback(found or LOOPBACK):
        raise ValueError("is the proxy's own address")
    if not found:
        raise ValueError("is an IPv6 address, which the proxy does not connect to")
    return found, port


def _resolved(host: str, port: int) -> str:
    """The IPv4 address of this name; empty for the loopback of IPv6. Raises ValueError."""
    try:
        if _is_ipv6(host):
            if inet_pton(AF_INET6, host.strip("[]")) in _IPV6_LOOPBACK:
                return ""
            raise ValueError("is an IPv6 address, which the proxy does not connect to")
        # As bytes: text would import a codec for names beyond ASCII.
        return str(getaddrinfo(host.encode(), port, AF_INET, SOCK_STREAM)[0][4][0])
    except OSError:
        raise ValueError("has a name without an IPv4 address") from None
