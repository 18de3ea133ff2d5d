"""Answers to the shim: names, connections, peers; and messages that are nonsense."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from fakes.proxied import soon
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Late, Unreachable, Unresolved
from proxy.dependencies.redirected import Redirected, exchange, host, sockaddr

GO_ON = b"F\1D\0"
NAMED = HostList().parse("db.test")


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


def test_a_process_says_hello(redirected: Redirected) -> None:
    before = redirected.control.heard
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect("\0" + redirected.name)
        line.send(b"F\1H\0")
    assert soon(lambda: redirected.control.heard == before + 1)


@pytest.mark.parametrize(
    ("error", "code", "delay"),
    [
        ("nxdomain", socket.EAI_NONAME, 0),
        ("servfail", socket.EAI_AGAIN, 0),
        ("timeout", socket.EAI_AGAIN, 10_000),
    ],
)
def test_a_lookup_fails(redirected: Redirected, error: str, code: int, delay: int) -> None:
    with redirected.disturbed(Unresolved(error), hosts=NAMED) as (injected,):
        assert redirected.ask(b"F\1R\0other.test") == GO_ON
        answer = redirected.ask(b"F\1R\0DB.test.")
        assert (answer[:4], struct.unpack("=iI", answer[4:])) == (b"F\1E\0", (code, delay))
        assert soon(lambda: injected.told == [{"host": "db.test"}])
    assert redirected.ask(b"F\1R\0db.test") == GO_ON


def test_a_name_that_was_looked_up_is_that_of_its_addresses() -> None:
    redirected = Redirected(NAMED)
    with host() as port:
        assert redirected.asked(port) == ("127.0.0.1", port), "the name is not known"
        redirected.ask(b"F\1R\0db.test", b"F\1L\0" + b"\4" + socket.inet_aton("127.0.0.1"))
        assert redirected.asked(port) != ("127.0.0.1", port)
        with redirected.disturbed(Late(0.1), hosts=NAMED) as (injected,):
            with redirected.connect(port) as client:
                exchange(client, b"x")
            assert soon(lambda: injected.told == [{"host": "db.test", "port": port}])


def test_a_connection_is_refused_by_the_kernel(redirected: Redirected) -> None:
    with host() as port, redirected.disturbed(Unreachable(silent=False)) as (injected,):
        with pytest.raises(ConnectionRefusedError):
            redirected.connect(port)
        with pytest.raises(ConnectionRefusedError):
            redirected.connect(port)
        assert soon(lambda: injected.told == [{"host": "127.0.0.1", "port": port}])


def test_a_connection_is_never_answered(redirected: Redirected) -> None:
    with host() as port, redirected.disturbed(Unreachable(silent=True)):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            redirected.connect(port, timeout=0.5)
        assert time.monotonic() - began > 0.45


def test_the_peer_of_a_relayed_connection_is_its_host(redirected: Redirected) -> None:
    with host() as port:
        relayed = redirected.asked(port)[1]
        assert redirected.ask(b"F\1P\0" + sockaddr("127.0.0.1", relayed)) == b"F\1T\0" + sockaddr(
            "127.0.0.1", port
        )
        assert redirected.ask(b"F\1P\0" + sockaddr("127.0.0.1", port)) == GO_ON


def test_an_ipv6_socket_is_led_to_the_relay_too(redirected: Redirected) -> None:
    with host() as port:
        mapped = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0)
        mapped += bytes(10) + b"\xff\xff" + socket.inet_aton("127.0.0.1") + bytes(4)
        answer = redirected.ask(b"F\1C\0" + mapped)
        assert answer[:4] == b"F\1T\0"
        assert answer[4:6] == mapped[:2]
        assert answer[12:28] == bytes(10) + b"\xff\xff\x7f\0\0\1"


def test_the_runtime_s_own_ports_are_spared() -> None:
    with host() as port:
        redirected = Redirected(spared=frozenset({port}))
        with redirected.disturbed(Unreachable(silent=False)) as (injected,):
            assert redirected.asked(port) == ("127.0.0.1", port)
            assert injected.is_open


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"F",
        b"F\2C\0",
        b"F\1",
        b"F\1C\0",
        b"F\1C\0\2",
        b"F\1Z\0",
        b"G" * 1000,
        b"F\1C\0" + bytes(600),
    ],
)
def test_nonsense_is_answered_by_nothing_and_harms_nobody(
    redirected: Redirected, message: bytes
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.settimeout(5)
        line.connect("\0" + redirected.name)
        line.send(message)
        assert line.recv(100) in (b"", GO_ON)
    with host() as port, redirected.connect(port) as client:
        exchange(client, b"x")


def test_lines_that_ask_nothing_hold_up_nobody(redirected: Redirected) -> None:
    silent = []
    for _ in range(50):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.connect("\0" + redirected.name)
        silent.append(line)
    with host() as port, redirected.connect(port) as client:
        assert exchange(client, b"x") < 1
    for line in silent:
        line.close()
