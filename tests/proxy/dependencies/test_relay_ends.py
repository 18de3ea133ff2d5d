"""The ends of relayed connections: resets, halves, hosts that leave."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import pytest

from fakes.proxied import soon
from faultlayer.vocabulary.disturbances import Cut, Late
from proxy.dependencies.redirected import Redirected, exchange, host

RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, for no time


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def all_of(client: socket.socket) -> tuple[int, str]:
    """The number of received bytes, and the connection's end."""
    total = 0
    while True:
        try:
            data = client.recv(65536)
        except ConnectionResetError:
            return total, "reset"
        if not data:
            return total, "end"
        total += len(data)


@pytest.mark.parametrize("delay", [None, 0.1])
def test_an_answer_before_a_reset_arrives_and_then_the_reset(
    redirected: Redirected, delay: float | None
) -> None:
    """A host that answers, then closes with the request unread, resets."""

    def answer(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"413 too large")
        time.sleep(0.05)
        reset(connection)

    disturbances = [] if delay is None else [Late(delay)]
    with (
        host(answer) as port,
        redirected.connect(port) as client,
        redirected.disturbed(*disturbances),
    ):
        began = time.monotonic()
        client.sendall(b"x" * 10)
        assert all_of(client) == (13, "reset")
        assert time.monotonic() - began >= 0.05 + (delay or 0) - 0.01
    assert soon(lambda: not redirected.relay.links)


def test_an_answer_arrives_although_the_request_is_taken_no_more(redirected: Redirected) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"no")
        connection.shutdown(socket.SHUT_WR)

    with host(refuse) as port, redirected.connect(port) as client:
        try:
            for _ in range(100):
                client.sendall(b"x" * 100_000)
        except ConnectionError:
            pass
        try:
            assert client.recv(10) in (b"no", b"")
        except ConnectionResetError:
            pass
    assert soon(lambda: not redirected.relay.links and redirected.relay.kept == 0)


def test_a_reset_of_the_client_is_one_of_the_host(redirected: Redirected) -> None:
    ended: list[str] = []

    def watch(connection: socket.socket) -> None:
        ended.append(all_of(connection)[1])

    with host(watch) as port:
        client = redirected.connect(port)
        client.sendall(b"x")
        time.sleep(0.05)
        reset(client)
        client.close()
        assert soon(lambda: ended == ["reset"])
    assert soon(lambda: not redirected.relay.links)


def test_a_client_that_leaves_at_once_has_still_sent(redirected: Redirected) -> None:
    """The host gets all bytes and the end of a hasty client."""
    got: list[tuple[int, str]] = []
    with host(lambda connection: got.append(all_of(connection))) as port:
        for _ in range(10):
            with redirected.connect(port) as client:
                client.sendall(b"x" * 50_000)
        assert soon(lambda: got == [(50_000, "end")] * 10)


@pytest.mark.parametrize("size", [1, 100_000, 5_000_000])
def test_a_cut_lets_exactly_so_many_bytes_through(redirected: Redirected, size: int) -> None:
    def blast(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(bytes(8_000_000))

    with host(blast) as port, redirected.connect(port) as client, redirected.disturbed(Cut(size)):
        client.sendall(b"x")
        time.sleep(0.05)  # a slow reader, whose window is full at first
        assert all_of(client) == (size, "reset")


def test_a_cut_of_a_late_connection_is_as_late(redirected: Redirected) -> None:
    with (
        host() as port,
        redirected.connect(port) as client,
        redirected.disturbed(Late(0.2), Cut(5)),
    ):
        began = time.monotonic()
        client.sendall(b"0123456789")
        assert all_of(client) == (5, "reset")
        assert time.monotonic() - began > 0.19


def test_the_end_of_a_late_connection_is_as_late(redirected: Redirected) -> None:
    def leave(connection: socket.socket) -> None:
        connection.recv(1)

    with (
        host(leave) as port,
        redirected.connect(port) as client,
        redirected.disturbed(Late(0.2)) as injections,
    ):
        began = time.monotonic()
        client.sendall(b"x")
        assert all_of(client) == (0, "end")
        assert time.monotonic() - began > 0.19
        assert injections[0].told, "the end was late, though nothing came before it"


def test_an_urgent_byte_is_left_out(redirected: Redirected) -> None:
    got: list[bytes] = []

    def keep(connection: socket.socket) -> None:
        while data := connection.recv(100):
            got.append(data)

    with host(keep) as port, redirected.connect(port) as client:
        client.send(b"before")
        client.send(b"!", socket.MSG_OOB)
        client.send(b"after")
        client.shutdown(socket.SHUT_WR)
        assert soon(lambda: b"".join(got) == b"beforeafter")


def test_a_client_that_left_is_asked_after(redirected: Redirected) -> None:
    """Else a link whose host never closes would stay for ever."""
    with host() as port, redirected.connect(port) as client:
        exchange(client, b"x")
        (link,) = redirected.relay.links
        ours: Any = link._client
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_a_client_that_resets_before_the_reset_of_the_host_has_reached_it(
    redirected: Redirected,
) -> None:
    """The kernel never reports its bytes as sent: nobody waits for them."""

    def send_and_reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            connection.sendall(bytes(8_000_000))
        reset(connection)

    with host(send_and_reset) as port:
        client = redirected.connect(port)
        before = set(redirected.relay.links)
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.6)
        reset(client)
        client.close()
        assert soon(lambda: not redirected.relay.links & before)
