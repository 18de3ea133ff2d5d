"""Responses that begin before their request is whole, in pieces of any size."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from faultlayer.http.framing import ProtocolError
from faultlayer.wire.early import EarlyResponse, partial_message

INTERIM = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"
REFUSED = b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_all_of_it_is_passed_on_as_it_comes(size: int) -> None:
    passed: list[bytes] = []
    client: Any = SimpleNamespace(send=passed.append)
    upstream: Any = SimpleNamespace(pending=b"")
    early = EarlyResponse(client, upstream, to_head=False)
    data = INTERIM + REFUSED + b"next"
    for at in range(0, len(data), size):
        early.receive(data[at : at + size])
    assert b"".join(passed) == INTERIM + REFUSED
    assert early.response is not None
    assert (early.response.body, early.head, upstream.pending) == (None, b"", b"next")


def test_what_is_no_response_is_refused() -> None:
    early = EarlyResponse(SimpleNamespace(), SimpleNamespace(), to_head=False)  # type: ignore[arg-type]
    with pytest.raises(ProtocolError):
        early.receive(b"nonsense\r\n\r\n")


def test_bytes_past_the_end_of_a_message_stay_with_the_peer() -> None:
    peer: Any = SimpleNamespace(pending=b"")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    message = partial_message(peer, head + b"okHTTP", head.lower(), 2)
    assert (message.data, message.body, peer.pending) == (head + b"ok", None, b"HTTP")
