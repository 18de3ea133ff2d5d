"""Large amounts: bytes on their way, connections, and a gigabyte in one."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from fakes.proxied import soon
from faultlayer.dependencies import relay
from faultlayer.vocabulary.disturbances import Late
from proxy.dependencies.redirected import Apart, Redirected, exchange, host

MIB = 1024  # kilobytes


def test_a_fast_host_is_slowed_to_what_may_be_on_its_way() -> None:
    """Memory is bounded: 8 MB in one delay."""
    redirected, size, most = Redirected(), 24 << 20, 0

    def blast(connection: socket.socket) -> None:
        connection.sendall(bytes(size))

    with host(blast) as port, redirected.disturbed(Late(0.2)), redirected.connect(port) as client:
        began, got = time.monotonic(), 0
        while got < size:
            got += len(client.recv(1 << 18))
            most = max(most, redirected.relay.kept)
        took = time.monotonic() - began
    assert relay.MOST_KEPT // 2 < most < relay.MOST_KEPT + (1 << 19)
    assert 0.5 < took < 5


def test_a_storm_of_connections_is_served() -> None:
    failures: list[Exception] = []

    def storm(service: Apart, port: int) -> None:
        for number in range(40):
            try:
                with service.connect(port) as client:
                    exchange(client, b"%d" % number)
            except (OSError, EOFError) as error:
                failures.append(error)

    with Apart() as service, host() as port:
        threads = [threading.Thread(target=storm, args=(service, port)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert failures == []
        assert soon(lambda: service.descriptors() < 20)


@pytest.mark.nightly
def test_a_gigabyte_passes_intact_both_ways() -> None:
    size, step = 1 << 30, 1 << 20
    pattern = bytes(range(251)) * (step // 251 + 2)

    def send(client: socket.socket) -> None:
        for at in range(0, size, step):
            client.sendall(pattern[at % 251 : at % 251 + step])
        client.shutdown(socket.SHUT_WR)

    with Apart() as service, host() as port, service.connect(port, timeout=60) as client:
        rest = service.held("VmRSS")
        sender = threading.Thread(target=send, args=(client,))
        sender.start()
        got = 0
        while data := client.recv(step):
            assert data == pattern[got % 251 : got % 251 + len(data)]
            got += len(data)
        sender.join(60)
        assert got == size
        assert service.held("VmHWM") - rest < 4 * MIB
