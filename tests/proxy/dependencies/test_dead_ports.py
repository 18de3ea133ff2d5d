"""Ports that refuse, or never answer: the kernel does it."""

from __future__ import annotations

import socket

import pytest

from faultlayer.dependencies import dead_ports


def test_a_port_that_refuses_is_nobody_s() -> None:
    held, port = dead_ports.refusing(socket.AF_INET)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    with pytest.raises(OSError), socket.socket() as other:
        other.bind(("127.0.0.1", port))
    held.close()


def test_a_silent_port_never_answers() -> None:
    held, port = dead_ports.silent(socket.AF_INET)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", port), timeout=0.2)
    for sock in held:
        sock.close()
