"""Whether the other side of a connection has shut its sending side alone, or is gone."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from fakes.proxied import soon
from faultlayer.wire import half_closed
from faultlayer.wire.sockets import Peer
from unit.wire.sides import Pair


@pytest.fixture(params=["127.0.0.1", "::ffff:127.0.0.1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A connection that was accepted, and the runtime's end: of IPv4, or for both as Java's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection((request.param, listener.getsockname()[1]))
        near, _ = listener.accept()
    peer = Peer(near)
    with far:
        yield peer, far
    peer.close()


def test_one_that_shut_its_sending_side_is_there_until_it_closes_the_rest(pair: Pair) -> None:
    peer, far = pair
    assert not peer.has_finished()
    assert not peer.left()
    far.shutdown(socket.SHUT_WR)
    assert soon(peer.has_finished)
    assert not peer.left()
    peer.send(b"answer")
    assert far.recv(9) == b"answer"
    far.close()
    assert soon(peer.left)


def test_one_that_closed_is_gone(pair: Pair) -> None:
    peer, far = pair
    far.close()
    assert soon(peer.left)


def test_if_the_kernels_table_cannot_be_read_it_is_gone(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, far = pair
    far.shutdown(socket.SHUT_WR)
    assert soon(peer.has_finished)
    assert half_closed.half_closed([peer.sock]) == [peer.sock]
    monkeypatch.setattr(half_closed, "parts", lambda path: iter(()))
    assert peer.left()


def test_a_connection_that_is_no_more_is_gone(pair: Pair) -> None:
    peer, far = pair
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    assert soon(peer.left)
    assert not half_closed.half_closed([peer.sock])
