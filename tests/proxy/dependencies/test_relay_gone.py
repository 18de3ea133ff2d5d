"""An extension that is killed, stopped or starved: no connection hangs."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time

import pytest

from fakes.proxied import soon
from proxy.dependencies.redirected import Apart, echo, exchange, host

PATIENCE = 5.0  # seconds


def test_killed_both_ends_of_each_connection_end_at_once() -> None:
    ended: list[str] = []

    def watch(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            echo(connection)
        ended.append("host")

    with host(watch) as port, Apart() as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(service.connect(port)) for _ in range(20)]
        for client in clients:
            exchange(client, b"x")
        service.process.kill()
        service.process.wait(PATIENCE)
        for client in clients:
            client.settimeout(PATIENCE)
            try:
                assert client.recv(1) == b""
            except ConnectionResetError:
                pass
        assert soon(lambda: len(ended) == len(clients))
        with pytest.raises(ConnectionRefusedError):
            service.ask(b"F\1H\0")  # so the shim connects by itself


def test_stopped_a_connection_waits_and_then_goes_on() -> None:
    data = bytes(range(256)) * 4000
    with host() as port, Apart() as service, service.connect(port) as client:
        exchange(client, b"x")
        service.process.send_signal(signal.SIGSTOP)
        try:
            client.settimeout(0.2)
            client.sendall(b"y")
            with pytest.raises(TimeoutError):  # the client's own timeout
                client.recv(1)
        finally:
            service.process.send_signal(signal.SIGCONT)
        client.settimeout(PATIENCE)
        assert client.recv(1) == b"y"
        exchange(client, data)


def test_starved_no_byte_is_lost() -> None:
    data = bytes(range(256)) * 40_000
    over = threading.Event()
    with host() as port, Apart() as service, service.connect(port) as client:
        client.settimeout(30)

        def starve() -> None:
            while not over.is_set():
                service.process.send_signal(signal.SIGSTOP)
                time.sleep(0.02)
                service.process.send_signal(signal.SIGCONT)
                time.sleep(0.002)

        thread = threading.Thread(target=starve, daemon=True)
        thread.start()
        try:
            exchange(client, data)
        finally:
            over.set()
            thread.join(PATIENCE)
        assert soon(lambda: service.held("Threads") == 2)
    assert service.process.poll() is not None
