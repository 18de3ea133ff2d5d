"""The listener of the proxy, where others want its port at the same moment."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from faultlayer.startup import listener as listening
from faultlayer.startup.listener import another_address, listen


@pytest.fixture
def rival() -> Any:
    """Somebody who has bound a port and is about to listen on it."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        yield other


def test_a_port_that_is_taken_once_we_have_bound_it(
    rival: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel lets two bind it who both say SO_REUSEADDR; only one of them may listen then."""
    port = rival.getsockname()[1]
    base: Any = listening.socket

    class Late(base):  # type: ignore[misc]
        def bind(self, address: tuple[str, int]) -> None:
            super().bind(address)
            rival.listen()

    monkeypatch.setattr(listening, "socket", Late)
    listener, other = listen(port)
    assert other != port
    try:
        socket.create_connection(("127.0.0.1", other), timeout=60).close()
    finally:
        listener.close()


OWN = ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0"]
OWN += ["0.0.0.0", "localhost", "LOCALHOST", "LocalHost.", "[::1]", "::1", "[0:0::1]", "[::]"]
OWN += ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0.0.0.0]", "a-name-of-loopback"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name service: of a hosts file, which may have any names for loopback."""
    known = {b"a-name-of-loopback": "127.0.0.1", b"other.example": "192.0.2.7"}

    def getaddrinfo(host: bytes, port: int, *rest: object) -> Any:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", (known[host], port))]

    monkeypatch.setattr(listening, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("host", OWN)
def test_our_own_address_is_no_upstream_however_it_is_spelled(names: None, host: str) -> None:
    with pytest.raises(ValueError, match="is the proxy's own address"):
        another_address((host, 9747), 9747)


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("127.0.0.1", 9748, "127.0.0.1"),
        ("127.0.0.2", 9747, "127.0.0.2"),
        ("other.example", 9747, "192.0.2.7"),
        ("a-name-of-loopback", 9748, "127.0.0.1"),
        ("[::ffff:192.0.2.1]", 80, "192.0.2.1"),
        ("[2001:db8::1]", 80, "is an IPv6 address"),
        ("[::1]", 80, "is an IPv6 address"),
        ("[::x]", 80, "has a name without"),
        ("nobody.example", 80, "has a name without an IPv4 address"),
    ],
)
def test_another_address_is_found_at_the_start(
    names: None, host: str, port: int, found: str
) -> None:
    """Without one the function would ask nobody, for good: it runs untouched instead."""
    if found[0].isdigit():
        assert another_address((host, port), 9747) == (found, port)
    else:
        with pytest.raises(ValueError, match=found):
            another_address((host, port), 9747)
