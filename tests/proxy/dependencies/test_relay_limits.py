"""Limits of the relay: threads, memory and descriptors."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from fakes.proxied import soon
from faultlayer.dependencies import relay
from faultlayer.vocabulary.disturbances import Late, Slow
from proxy.dependencies.redirected import Apart, Redirected, exchange, host

MIB = 1024  # kilobytes


@contextlib.contextmanager
def clients_of(service: Apart | Redirected, port: int, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(service.connect(port)) for _ in range(count)]


def flood(connection: socket.socket) -> None:
    connection.settimeout(2)
    while True:
        connection.send(bytes(65536))


def test_200_connections_cost_no_threads_and_little_memory() -> None:
    with Apart() as service, host() as port:
        threads, rest = service.held("Threads"), service.held("VmRSS")
        with clients_of(service, port, 200) as clients:
            for _ in range(3):
                for client in clients:
                    client.sendall(b"x" * 10_000)
                for client in clients:
                    assert len(client.recv(10_000, socket.MSG_WAITALL)) == 10_000
            assert service.held("Threads") == threads == 2
            assert service.held("VmHWM") <= min(16 * MIB, rest + 4 * MIB)
        assert soon(lambda: service.descriptors() < 20)


def test_readers_that_read_nothing_cost_little_memory() -> None:
    with Apart() as service, host(flood) as port:
        rest = service.held("VmRSS")
        with clients_of(service, port, 100):
            time.sleep(0.3)
            assert service.held("VmHWM") - rest <= 8 * MIB


def test_the_last_bytes_of_a_host_that_resets_wait_for_a_slow_line() -> None:
    """The kernel reports the reset repeatedly, and still has earlier bytes."""
    redirected = Redirected()

    def send_and_reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(bytes(60_000))
        sent.set()
        with contextlib.suppress(TimeoutError):
            connection.settimeout(0.2)
            connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    sent = threading.Event()
    with host(send_and_reset) as port, redirected.connect(port) as client:
        with redirected.disturbed(Slow(1000)):
            client.sendall(b"x")
            assert sent.wait(5)
            time.sleep(0.4)
            assert redirected.relay.kept < 10_000
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(65536):
                got += len(data)
        assert got == 60_000, "they pass when the hit is over"


def test_a_writer_waits_for_a_host_that_reads_nothing() -> None:
    redirected = Redirected()
    stop = threading.Event()
    with host(lambda connection: stop.wait(5) and None) as port, redirected.connect(port) as client:
        client.settimeout(0.2)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += client.send(bytes(65536))
        assert sent < 32 << 20
        assert redirected.relay.kept <= (1 << 18) + 256
        stop.set()


def test_connections_beyond_the_descriptors_are_made_directly(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "most_connections", lambda: 2)
    redirected = Redirected()
    with host() as port:
        with clients_of(redirected, port, 2) as clients:
            exchange(clients[0], b"x")
            exchange(clients[1], b"x")
            for _ in range(2):
                assert redirected.asked(port) == ("127.0.0.1", port)
        assert soon(lambda: not redirected.relay.links)
        assert redirected.asked(port) != ("127.0.0.1", port)
    assert capfd.readouterr().out.count("more than 2 connections at once") == 1


def test_descriptors_that_run_out_are_waited_for() -> None:
    limit = ["sh", "-c", 'ulimit -n 41 && exec "$@"', "-"]
    with Apart(limit) as service, host() as port:
        with clients_of(service, port, 16) as clients:  # all descriptors, two to each
            assert service.asked(port) == ("127.0.0.1", port)
            for client in clients:
                assert exchange(client, b"x") < 5
        assert soon(lambda: service.descriptors() < 15)
        with service.connect(port) as client:
            exchange(client, b"x")
            assert client.getpeername()[1] != port, "it is relayed"


def test_connections_to_hosts_that_nobody_came_for_end_although_others_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shim gets its answer too late, and connects by itself."""
    monkeypatch.setattr(relay, "_UNUSED", 0.3)
    redirected = Redirected()
    with host() as port:
        for _ in range(5):
            redirected.asked(port)
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            with redirected.connect(port) as client:
                exchange(client, b"x")
        assert redirected.relay._begun <= 1


def test_most_connections_leave_descriptors_for_the_rest() -> None:
    assert relay.most_connections() >= 16


# -- the clock ----------------------------------------------------------------------------------


def test_pieces_of_a_late_connection_keep_their_distance() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(1)
        for _ in range(20):
            sent.append(time.monotonic())
            connection.send(b"x")
            time.sleep(0.01)

    sent: list[float] = []
    redirected, arrived = Redirected(), []
    with host(drip) as port, redirected.connect(port) as client, redirected.disturbed(Late(0.2)):
        client.sendall(b"x")
        while client.recv(1):
            arrived.append(time.monotonic())
    took = sorted(there - here for here, there in zip(sent, arrived, strict=True))
    assert took[0] >= 0.199
    assert took[len(took) // 2] < 0.25, "a pipeline: 20 pieces are late by 200 ms, not by 4 s"


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("answers", [True, False], ids=["answers", "requests"])
def test_the_bandwidth_is_exact_in_each_direction(connections: int, answers: bool) -> None:
    """All connections of one direction share the bandwidth.

    The times of the first and of the last byte count.
    """
    redirected, rate, size = Redirected(), 1_000_000, 800_000
    times: list[float] = []

    def receive(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            times.append(time.monotonic())
            counted.append(len(data))

    def send(connection: socket.socket) -> None:
        connection.sendall(bytes(size // connections))
        connection.shutdown(socket.SHUT_WR)

    counted: list[int] = []
    with host(send if answers else receive) as port, redirected.disturbed(Slow(rate)):
        began = time.monotonic()
        with clients_of(redirected, port, connections) as clients:
            work = receive if answers else send
            threads = [threading.Thread(target=work, args=(each,)) for each in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert soon(lambda: sum(counted) == size)
    assert size / rate * 0.98 < times[-1] - began < size / rate * 1.25


def test_a_small_piece_passes_a_slow_line_that_others_fill() -> None:
    """Each connection has a tenth of a second in the queue.

    It does not have all that its writer has.
    """
    redirected = Redirected()
    with (
        host() as port,
        clients_of(redirected, port, 2) as (large, small),
        redirected.disturbed(Slow(200_000)),
    ):
        large.sendall(bytes(1_000_000))
        time.sleep(0.1)
        assert exchange(small, b"x") < 1.0
