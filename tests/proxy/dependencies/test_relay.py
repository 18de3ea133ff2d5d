"""The relay: bytes pass as they are, and each disturbance does what its name says."""

from __future__ import annotations

import errno
import gc
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.proxied import soon
from faultlayer.dependencies.conditions import Host, InForce
from faultlayer.dependencies.loop import Loop
from faultlayer.dependencies.observed import HostSum
from faultlayer.dependencies.relay import Port, Relay, Upstream
from faultlayer.vocabulary.disturbances import BadHandshake, Cut, Late, Slow, Unreachable
from proxy.dependencies.redirected import Redirected, exchange, host


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


def test_bytes_pass_as_they_are_both_ways_at_once(redirected: Redirected) -> None:
    data = os.urandom(5_000_000)
    with host() as port, redirected.connect(port) as client:
        exchange(client, data)
        assert redirected.relay.links
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert soon(lambda: not redirected.relay.links and redirected.relay.kept == 0)


def test_a_half_closed_connection_still_gets_its_answer(redirected: Redirected) -> None:
    def at_the_end(connection: socket.socket) -> None:
        total = 0
        while data := connection.recv(65536):
            total += len(data)
        connection.sendall(b"%d" % total)

    with host(at_the_end) as port, redirected.connect(port) as client:
        client.sendall(b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b"100000"
        assert client.recv(100) == b""


def test_a_reset_of_the_host_is_one_of_the_client(redirected: Redirected) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with host(reset) as port, redirected.connect(port) as client:
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(10)


def test_200_connections_at_once_and_none_is_swapped(redirected: Redirected) -> None:
    before = threading.active_count()
    with host() as port:
        clients = [redirected.connect(port) for _ in range(200)]
        assert threading.active_count() - before < 250, "those are the host's, in this process"
        for number, client in enumerate(clients):
            client.sendall(b"%06d" % number * 100)
        for number, client in enumerate(clients):
            got = b""
            while len(got) < 600:
                got += client.recv(600)
            assert got == b"%06d" % number * 100
            client.close()
    assert soon(lambda: not redirected.relay.links)


def test_a_host_that_refuses_is_left_to_the_kernel(redirected: Redirected) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert redirected.asked(port) == ("127.0.0.1", port)


def test_a_client_that_reads_nothing_holds_up_the_host_and_not_the_memory(
    redirected: Redirected,
) -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        connection.settimeout(1)
        while True:
            sent += connection.send(bytes(65536))

    with host(flood) as port, redirected.connect(port):
        time.sleep(1.5)
        kept = redirected.relay.kept
    assert kept <= 9 << 20
    assert sent < 64 << 20
    assert soon(lambda: redirected.relay.kept == 0)


# -- disturbances -------------------------------------------------------------------------------


def test_late_each_answer_and_not_the_throughput(redirected: Redirected) -> None:
    with host() as port, redirected.connect(port) as client:
        with redirected.disturbed(Late(0.2)) as (injected,):
            assert 0.19 < exchange(client, b"x") < 1
            assert soon(lambda: injected.told == [{"host": "127.0.0.1", "port": port}])
            assert 0.19 < exchange(client, bytes(3_000_000)) < 1.5, "many pieces, each late alike"
        assert exchange(client, b"x") < 0.15, "it is over"


def test_slow_exactly_over_a_second(redirected: Redirected) -> None:
    with host() as port, redirected.connect(port) as client:
        with redirected.disturbed(Slow(100_000)) as (injected,):
            assert 0.9 < exchange(client, bytes(100_000)) < 2
        assert soon(lambda: len(injected.told) == 1)


def test_all_connections_share_the_bandwidth(redirected: Redirected) -> None:
    with (
        host() as port,
        redirected.connect(port) as one,
        redirected.connect(port) as other,
        redirected.disturbed(Slow(100_000)),
    ):
        began = time.monotonic()
        threads = [
            threading.Thread(target=exchange, args=(client, bytes(50_000)))
            for client in (one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 0.9 < time.monotonic() - began < 2


def test_late_and_slow_at_once(redirected: Redirected) -> None:
    with host() as port, redirected.connect(port) as client:
        with redirected.disturbed(Late(0.3), Slow(100_000)) as injected:
            assert exchange(client, bytes(50_000)) > 0.7
        assert [len(one.told) for one in injected] == [1, 1]


@pytest.mark.parametrize("size", [0, 1, 25])
def test_cut_after_so_many_bytes_of_the_answer(redirected: Redirected, size: int) -> None:
    with host() as port, redirected.disturbed(Cut(size)) as (injected,):
        client = redirected.connect(port)
        got = b""
        with client, pytest.raises(ConnectionError):
            while True:
                client.sendall(b"0123456789")
                got += client.recv(100)
        assert len(got) <= size
        assert soon(lambda: injected.told == [{"host": "127.0.0.1", "port": port}])


def test_a_connection_from_before_is_cut_too(redirected: Redirected) -> None:
    with host() as port, redirected.connect(port) as client:
        exchange(client, bytes(1000))
        with redirected.disturbed(Cut(0)), pytest.raises(ConnectionError):
            exchange(client, b"x")


def test_idle_connections_are_closed_when_a_host_goes_and_that_is_logged(
    redirected: Redirected,
) -> None:
    """A program may notice the end alone, and never connect again."""
    with host() as port, redirected.connect(port) as client:
        exchange(client, b"x")
        with redirected.disturbed(Unreachable(silent=False)) as (injected,):
            assert injected.told == [{"host": "127.0.0.1", "port": port}], "before the event"
            assert client.recv(1) == b""


def test_idle_connections_end_for_a_bad_handshake_if_they_have_had_one(
    redirected: Redirected,
) -> None:
    with host() as port, redirected.connect(port) as secure, redirected.connect(port) as plain:
        exchange(secure, b"\x16\3\1\0\5\1hello")
        exchange(plain, b"GET / HTTP/1.1\r\n\r\n")
        with redirected.disturbed(BadHandshake(garbage=False)) as (injected,):
            assert secure.recv(1) == b""
            assert len(injected.told) == 1
            exchange(plain, b"x")


@pytest.mark.parametrize("disturbance", [Late(30), Slow(50)], ids=["late", "slow"])
def test_what_was_held_up_leaves_when_the_hit_is_over(
    redirected: Redirected, disturbance: Late | Slow
) -> None:
    """The next invocation may use the same connection, and is not hit."""
    with host() as port, redirected.connect(port) as client:
        with redirected.disturbed(disturbance):
            client.sendall(b"x" * 100)
            assert soon(lambda: redirected.relay.kept)
        got = b""
        while len(got) < 100:
            got += client.recv(100)
        assert exchange(client, b"z") < 5
        with redirected.disturbed(Late(0.2)):
            assert 0.19 < exchange(client, b"z") < 5, "not as late as the one before"


def test_nothing_is_kept_of_a_late_connection_that_has_ended() -> None:
    redirected = Redirected()
    with host() as port, redirected.disturbed(Late(600)):
        with redirected.connect(port) as client:
            client.sendall(b"x" * 1000)
            assert soon(lambda: redirected.relay.kept)
            (link,) = redirected.relay.links
            redirected.loop.call(link.reset)
            assert soon(lambda: not redirected.relay.links)
        assert redirected.relay.kept == 0
        gone = weakref.ref(link)
        del link
        redirected.loop.call(list)  # it knows the call before
        assert soon(lambda: gc.collect() >= 0 and gone() is None), "a timer of ten minutes knows it"


@pytest.mark.parametrize(
    ("garbage", "reason"), [(False, "ALERT_HANDSHAKE_FAILURE"), (True, "WRONG_VERSION_NUMBER")]
)
def test_a_handshake_fails(redirected: Redirected, garbage: bool, reason: str) -> None:
    context = ssl.create_default_context()
    with host() as port, redirected.disturbed(BadHandshake(garbage=garbage)) as (injected,):
        with redirected.connect(port) as client, pytest.raises(ssl.SSLError) as raised:
            context.wrap_socket(client, server_hostname="example.com")
        assert reason in str(raised.value.reason)
        assert soon(lambda: len(injected.told) == 1)


def test_a_connection_without_tls_has_no_handshake_to_fail(redirected: Redirected) -> None:
    with host() as port, redirected.disturbed(BadHandshake(garbage=True)) as (injected,):
        with redirected.connect(port) as client:
            exchange(client, b"GET / HTTP/1.1\r\n\r\n")
        assert injected.is_open


def test_a_disturbance_whose_hosts_are_nonsense_fails_alone(redirected: Redirected) -> None:
    nonsense = object()
    with host() as port, redirected.disturbed(Late(5), hosts=nonsense) as (injected,):  # type: ignore[arg-type]
        with redirected.connect(port) as client:
            assert exchange(client, b"x") < 2
        assert isinstance(injected.error, AttributeError)


def test_what_was_sent_before_the_end_is_delivered_late(redirected: Redirected) -> None:
    def greet(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"bye")

    with (
        host(greet) as port,
        redirected.connect(port) as client,
        redirected.disturbed(Late(0.2)),
    ):
        client.sendall(b"x")
        assert client.recv(10) == b"bye"
        assert client.recv(10) == b""


# -- a host that has not answered yet ----------------------------------------------------------


class Elsewhere:
    """Stands for the socket of a connection to a host far away."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.error = 0
        self.closed = False

    def fileno(self) -> int:
        return self.fd

    def getpeername(self) -> None:
        raise OSError

    def getsockopt(self, level: int, option: int) -> int:
        return self.error

    def close(self) -> None:
        self.closed = True


class Still(Loop):
    """A loop that never turns and has none of these connections."""

    __slots__ = ()

    def change(self, fd: int, events: int) -> None:
        pass


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Relay, list[Elsewhere]]]:
    """A relay whose loop never turns, and its begun connections."""
    begun: list[Elsewhere] = []
    loop = Still()
    found = Relay(loop, InForce(loop.wake))

    def begin(port: Port) -> bool:
        sock: Any = Elsewhere(len(begun) + 1000)
        begun.append(sock)
        port.ready.append(Upstream(sock, port.sums, time.monotonic()))
        found._begun += 1
        if port.sums is not None:
            port.sums.connections += 1
        return True

    monkeypatch.setattr(found, "_begin", begin)
    yield found, begun


def answer(relay: Relay, upstream: Upstream, error: int = 0) -> None:
    sock: Any = upstream.sock
    sock.error = error
    relay._answered(next(iter(relay._ports.values())), upstream)


def test_a_host_that_refuses_soon_is_left_to_the_kernel(
    far: tuple[Relay, list[Elsewhere]],
) -> None:
    relay, begun = far
    said: list[int] = []
    relay.lead(Host("a.test", b"\xc0\0\2\1", 443), said.append, sums=(sums := HostSum()))
    (port,) = relay._ports.values()
    assert not said, "it waits for the host"
    answer(relay, port.ready[0], errno.ECONNREFUSED)
    assert said == [0]
    assert (sums.connections, sums.failed, sums.direct) == (1, 1, 0)
    assert begun[0].closed
    assert relay._begun == 0
    assert port.down_until == 0


def test_a_host_that_answers_soon_is_reached_by_the_relay(
    far: tuple[Relay, list[Elsewhere]],
) -> None:
    relay, _ = far
    said: list[int] = []
    host = Host("a.test", b"\xc0\0\2\1", 443)
    relay.lead(host, said.append, sums=(sums := HostSum()), needed=False)
    (port,) = relay._ports.values()
    upstream = port.ready[0]
    answer(relay, upstream)
    assert said == [port.listener.getsockname()[1]]
    relay._give_up(port, upstream, needed=False)
    assert len(said) == 1, "it is decided once"
    assert list(port.ready) == [upstream]
    assert (sums.failed, sums.direct, sums.connect.counts != {}) == (0, 0, True)
    port.answers_in = 0.2
    relay.lead(host, said.append, needed=False)
    assert len(said) == 2, "a host far away is not waited for again"


def test_a_silent_host_is_asked_directly_if_it_is_only_observed(
    far: tuple[Relay, list[Elsewhere]],
) -> None:
    relay, begun = far
    said: list[int] = []
    host = Host("a.test", b"\xc0\0\2\1", 443)
    relay.lead(host, said.append, sums=(sums := HostSum()), needed=False)
    (port,) = relay._ports.values()
    upstream = port.ready[0]
    relay._give_up(port, upstream, needed=False)
    assert said == [0]
    assert not port.ready, "no client is given it"
    answer(relay, upstream)
    assert begun[0].closed
    assert port.answers_in is not None
    assert (sums.connections, sums.direct, sums.connect.counts != {}) == (1, 1, True)
    relay.lead(host, said.append, needed=False)
    relay._give_up(port, port.ready[0], needed=False)
    assert said[1] != 0, "it has answered before"
    port.answers_in = None
    relay.lead(host, said.append, sums=sums, needed=False)
    last = port.ready[-1]
    relay._give_up(port, last, needed=False)
    relay._end_alone(last)
    assert (sums.failed, relay._begun) == (1, 1)
    relay.lead(host, said.append, needed=True)
    relay._give_up(port, port.ready[-1], needed=True)
    assert said[-1] != 0, "a fault may need it"
    relay._close(next(iter(relay._ports)))
    assert relay._begun == 0


def test_a_client_gets_the_connection_that_was_answered_first(
    far: tuple[Relay, list[Elsewhere]],
) -> None:
    relay, _ = far
    said: list[int] = []
    host = Host("a.test", b"\xc0\0\2\1", 443)
    relay.lead(host, said.append)
    relay.lead(host, said.append)
    (port,) = relay._ports.values()
    slow, quick = port.ready
    answer(relay, quick)
    with socket.create_connection(("127.0.0.1", said[0])):
        assert soon(lambda: relay._accept(port) or quick.link is not None)
    assert list(port.ready) == [slow]
    answer(relay, slow, errno.ECONNREFUSED)
    assert said[1:] == [0]
