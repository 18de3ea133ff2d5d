"""A connection between two sockets of this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from faultlayer.wire import sockets
from unit.wire.sides import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection, and its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = sockets.connect(listener.getsockname())
        far, _ = listener.accept()
    with far:
        yield peer, far
    peer.close()
