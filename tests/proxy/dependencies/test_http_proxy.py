"""Tunnels by the proxy: bytes pass unchanged, and faults look real."""

from __future__ import annotations

import contextlib
import gc
import resource
import socket
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.proxied import soon
from faultlayer.dependencies import dial
from faultlayer.dependencies.dial import Dial
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import (
    BadHandshake,
    Cut,
    Late,
    Slow,
    Unreachable,
    Unresolved,
)
from proxy.dependencies.proxied_client import AUTHORIZED, Client
from proxy.dependencies.redirected import Redirected, closed_port, exchange, host

ESTABLISHED = "HTTP/1.1 200 Connection established"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506)


@pytest.fixture
def redirected(localhost: None) -> Redirected:
    return Redirected()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST.", "[::ffff:127.0.0.1]"])
def test_a_tunnel_passes_bytes_both_ways(redirected: Redirected, name: str) -> None:
    with host() as port, Client(redirected) as client:
        assert client.tunnel(f"{name}:{port}") == ESTABLISHED
        exchange(client.sock, bytes(range(256)) * 4096)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.rest() == b""
    assert soon(lambda: not redirected.relay.links)


def test_bytes_that_follow_the_request_at_once_come_first(redirected: Redirected) -> None:
    with host() as port, Client(redirected) as client:
        data = bytes(200_000)
        client.sock.settimeout(10)
        client.send(f"CONNECT localhost:{port}", body=b"early" + data)
        assert client.head() == ESTABLISHED
        client.sock.sendall(b"late")
        assert client.read(5) == b"early"
        assert client.read(len(data)) == data
        assert client.read(4) == b"late"


def test_a_request_may_come_byte_by_byte(redirected: Redirected) -> None:
    with host() as port, Client(redirected) as client:
        for byte in f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n".encode() + AUTHORIZED + b"\r\n":
            client.sock.send(bytes([byte]))
        assert client.head() == ESTABLISHED


# -- faults, and the real thing ---------------------------------------------------------------


def test_refused_is_a_reset_as_a_host_that_really_refuses(redirected: Redirected) -> None:
    with Client(redirected) as client, pytest.raises(ConnectionResetError):
        client.tunnel(f"127.0.0.1:{closed_port()}")
    with host() as port:
        for name in ("127.0.0.1", "localhost"):
            with (
                redirected.disturbed(Unreachable(silent=False)) as (injected,),
                Client(redirected) as client,
            ):
                with pytest.raises(ConnectionResetError):
                    client.tunnel(f"{name}:{port}")
                assert injected.told == [{"host": name, "port": port}]


def test_a_black_hole_never_answers_and_is_forgotten_with_its_client(
    redirected: Redirected,
) -> None:
    with host() as port, redirected.disturbed(Unreachable(silent=True)) as (injected,):
        with Client(redirected, timeout=0.5) as client, pytest.raises(TimeoutError):
            client.tunnel(f"localhost:{port}")
        assert injected.told
        with Client(redirected, timeout=0.5) as client:
            client.send(f"CONNECT 127.0.0.1:{port}")
            client.sock.shutdown(socket.SHUT_WR)
            assert client.rest() == b""


def test_idle_tunnels_end_when_the_host_goes(redirected: Redirected) -> None:
    with host() as port, Client(redirected) as client:
        client.tunnel(f"127.0.0.1:{port}")
        with redirected.disturbed(Unreachable(silent=False)):
            assert client.rest() == b""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("nxdomain", "502 dial tcp: lookup localhost: no such host"),
        ("servfail", "502 dial tcp: lookup localhost: server misbehaving"),
        ("timeout", "504 dial tcp: lookup localhost: i/o timeout"),
    ],
)
def test_a_name_that_does_not_resolve(
    redirected: Redirected, error: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "unanswered", lambda: 300)
    with (
        host() as port,
        redirected.disturbed(Unresolved(error)) as (injected,),
        Client(redirected) as client,
    ):
        began = time.monotonic()
        assert client.tunnel(f"localhost:{port}") == f"HTTP/1.1 {status}"
        assert (time.monotonic() - began > 0.25) is (error == "timeout")
        assert injected.told == [{"host": "localhost"}]
        with Client(redirected) as other:
            assert other.tunnel(f"127.0.0.1:{port}") == ESTABLISHED, "an address needs no lookup"


def test_a_name_that_really_does_not_resolve(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object) -> object:
        raise dial.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(dial, "getaddrinfo", fails)
    with Client(redirected) as client:
        assert client.tunnel("no.example:443") == (
            "HTTP/1.1 502 dial tcp: lookup no.example: no such host"
        )


def test_late_slow_cut_and_bad_tls(redirected: Redirected) -> None:
    with host() as port:
        with redirected.disturbed(Late(0.2)), Client(redirected) as client:
            client.tunnel(f"localhost:{port}")
            assert exchange(client.sock, b"x") > 0.19
        with redirected.disturbed(Slow(100_000)), Client(redirected) as client:
            client.tunnel(f"localhost:{port}")
            assert exchange(client.sock, bytes(50_000)) > 0.4
        with redirected.disturbed(Cut(1000)), Client(redirected) as client:
            client.tunnel(f"localhost:{port}")
            with pytest.raises(ConnectionResetError):
                exchange(client.sock, bytes(5000))
        for garbage in (False, True):
            with redirected.disturbed(BadHandshake(garbage=garbage)), Client(redirected) as client:
                client.send(f"CONNECT localhost:{port}", body=HELLO)  # as some clients do
                client.head()
                answer = client.rest()
                assert answer.startswith(b"\x15\x03\x03") is not garbage


def test_hosts_are_aimed_at_by_name_by_address_and_by_port(redirected: Redirected) -> None:
    with host() as port:
        for hosts, is_hit in {
            f"localhost:{port}": True,
            "127.0.0.0/8": True,
            f"localhost:{port + 1}": False,
            f"localhost,!127.0.0.1:{port}": False,
            "db.example.com": False,
        }.items():
            meant = HostList().parse(hosts)
            with (
                redirected.disturbed(Unreachable(silent=False), hosts=meant),
                Client(redirected) as client,
            ):
                if is_hit:
                    with pytest.raises(ConnectionResetError):
                        client.tunnel(f"localhost:{port}")
                else:
                    assert client.tunnel(f"localhost:{port}") == ESTABLISHED, hosts


def test_hosts_are_observed_by_their_names(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*given: object) -> list[object]:
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(dial, "getaddrinfo", answer)
    with host() as port, Client(redirected) as client:
        assert client.tunnel(f"one.example:{port}") == ESTABLISHED
        assert redirected.observed.of("one.example", port).is_empty, "nobody asked for it"
    redirected.observing = True
    with host() as port:
        for name in ("one.example", "127.0.0.1"):
            with Client(redirected) as client:
                client.tunnel(f"{name}:{port}")
                exchange(client.sock, b"12345")
        with Client(redirected) as client, pytest.raises(ConnectionResetError):
            client.tunnel(f"one.example:{closed_port()}")
        sums = redirected.observed.of("one.example", port)
        assert soon(lambda: not sums.links)
        assert (sums.connections, sums.failed, sums.sent, sums.received) == (1, 0, 5, 5)
        assert redirected.observed.of("127.0.0.1", port).is_empty


# -- hostile clients --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n", "407"),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", "407"),
        (b"CONNECT 127.0.0.1 HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", "400"),
        (b"GET / HTTP/1.1\r\n" + AUTHORIZED + b"\r\n", "400"),
        (b"\x16\x03\x01 no http\r\n\r\n", "400"),
        (b"CONNECT 127.0.0.1:80 HTTP/1.1\n\n", "407"),
        (b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nX: " + b"y" * 70_000, "431"),
        (b"y" * 200_000, "431"),
    ],
)
def test_what_it_does_not_forward_gets_an_answer_and_the_end(
    redirected: Redirected, sent: bytes, status: str
) -> None:
    with Client(redirected) as client:
        client.sock.sendall(sent)
        assert client.head().split()[1] == status
        assert client.rest().startswith(b"faultlayer: ")


def test_clients_beyond_the_descriptors_wait_for_others_to_end(
    redirected: Redirected, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redirected.relay, "_most", 3)
    with host() as port, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(redirected)) for _ in range(5)]
        for client in clients:
            client.send(f"CONNECT 127.0.0.1:{port}")
        for client in clients[:3]:
            assert client.head() == ESTABLISHED
        clients[3].sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            clients[3].head()
        clients[0].sock.close()
        clients[1].sock.close()
        for client in clients[3:]:
            client.sock.settimeout(10)
            assert client.head() == ESTABLISHED
    assert soon(lambda: not redirected.relay.links)
    assert capfd.readouterr().out.count('"event":"connections_wait"') == 1


PIECES = st.sampled_from(
    [b"GET ", b"CONNECT ", b"http://", b"localhost", b"127.0.0.1", b":80", b":0", b"[::1]", b" "]
    + [b" HTTP/1.1", b"\r\n", b"\n", b"\r\n\r\n", AUTHORIZED, b"Content-Length: 5\r\n", b":"]
    + [b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"Upgrade: x\r\n"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.binary(max_size=20), max_size=14))
def test_whatever_comes_it_serves_the_next(
    redirected: Redirected, capfd: pytest.CaptureFixture[str], pieces: list[bytes]
) -> None:
    with Client(redirected) as client:
        for piece in pieces:
            with contextlib.suppress(OSError):
                client.sock.sendall(piece)
        with contextlib.suppress(OSError):
            client.sock.shutdown(socket.SHUT_WR)
            client.rest()
    with Client(redirected) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.head().split()[1] == "407"
    assert "internal_error" not in capfd.readouterr().out


def test_clients_that_leave_at_any_point_leave_nothing_behind(redirected: Redirected) -> None:
    whole = b"CONNECT localhost:1 HTTP/1.1\r\n" + AUTHORIZED + b"\r\n"
    with host() as port:
        for sent in (b"", b"CON", whole[:-2], whole, whole.replace(b":1 ", b":%d " % port)):
            for _ in range(20):
                with Client(redirected) as client:
                    client.sock.sendall(sent)
        with Client(redirected) as client:
            assert client.tunnel(f"localhost:{port}") == ESTABLISHED
    assert soon(lambda: not redirected.relay.links and not redirected.proxy.open)


@pytest.mark.nightly
def test_a_thousand_tunnels_at_once_and_memory_is_flat(redirected: Redirected) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        with host() as port:
            kept = []
            for turn in range(4):
                clients = [Client(redirected, timeout=60) for _ in range(1000)]
                for client in clients:
                    client.send(f"CONNECT 127.0.0.1:{port}")
                for number, client in enumerate(clients):
                    assert client.head() == ESTABLISHED
                    client.sock.sendall(b"%08d" % number)
                for number, client in enumerate(clients):
                    assert client.read(8) == b"%08d" % number
                    client.sock.close()
                assert soon(lambda: not redirected.relay.links, 20)
                gc.collect()
                if turn:
                    kept.append(resident())
            assert kept[-1] - kept[0] < 16 << 20, (
                "a host's thousand threads come and go here as well"
            )
            assert sum(isinstance(each, Dial) for each in gc.get_objects()) < 10
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
