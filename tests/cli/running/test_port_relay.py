"""A loopback port here for a process elsewhere: every byte passes, both ways."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from faultlayer_cli.running.port_relay import Relay


class Echo:
    """The far end: gives back what it gets, in capitals, and a word at the end."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while piece := self._far.recv(65536):
            self._far.sendall(piece.upper())
        self._far.sendall(b" end")
        self._far.shutdown(socket.SHUT_WR)

    @property
    def pieces(self) -> Iterator[bytes]:
        while piece := self._near.recv(65536):
            yield piece

    def send(self, piece: bytes) -> None:
        self._near.sendall(piece)

    def close(self) -> None:
        try:
            self._near.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def address() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return ("127.0.0.1", int(free.getsockname()[1]))


def exchanged(address: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(address, timeout=60) as near:
        threading.Thread(target=send, args=(near, data), daemon=True).start()
        got = bytearray()
        while piece := near.recv(65536):
            got += piece
    return bytes(got)


def send(near: socket.socket, data: bytes) -> None:
    near.sendall(data)
    near.shutdown(socket.SHUT_WR)


def test_each_connection_has_a_far_end_of_its_own(address: tuple[str, int]) -> None:
    with closing(Relay(address, Echo)):
        for data in (b"", b"one", b"two" * 700_000):
            assert exchanged(address, data) == data.upper() + b" end"


def test_where_there_is_no_far_end_the_caller_gets_no_answer(address: tuple[str, int]) -> None:
    def nobody() -> Echo:
        raise OSError("the container is gone")

    with closing(Relay(address, nobody)):
        try:
            assert exchanged(address, b"") == b""
        except ConnectionResetError:
            pass


def test_closed_it_listens_no_longer(address: tuple[str, int]) -> None:
    Relay(address, Echo).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=60)
