"""The listener of the proxy, where others want its port at the same moment."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from faultlayer.startup import listener as listening
from faultlayer.startup.listener import listen


@pytest.fixture
def rival() -> Any:
    """Somebody who has bound a port and is about to listen on it."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        yield other


def test_a_port_that_is_taken_once_we_have_bound_it(
    rival: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel lets two bind it who both say SO_REUSEADDR; only one of them may listen then."""
    port = rival.getsockname()[1]
    base: Any = listening.socket

    class Late(base):  # type: ignore[misc]
        def bind(self, address: tuple[str, int]) -> None:
            super().bind(address)
            rival.listen()

    monkeypatch.setattr(listening, "socket", Late)
    listener, other = listen(port)
    assert other != port
    try:
        socket.create_connection(("127.0.0.1", other), timeout=60).close()
    finally:
        listener.close()
