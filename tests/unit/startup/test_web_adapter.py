"""The Lambda Web Adapter's variable, and the listener that its requests come to."""

from __future__ import annotations

import os
import socket

import pytest

from faultlayer.startup import web_adapter
from faultlayer.startup.web_adapter import names


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1:9747",
        " 127.0.0.1:9747\n",
        "http://127.0.0.1:9747",
        "HTTP://127.0.0.1:9747/",
        "localhost:9747",
        "LocalHost.:9747",
        "127.1:9747",
        "2130706433:9747",
        "0x7f.1:9747",
        "0.0.0.0:9747",
        "0:9747",
        "[::ffff:127.0.0.1]:9747",
    ],
)
def test_any_spelling_of_our_address(value: str) -> None:
    assert names(value, 9747)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "9747",
        ":9747",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:97470",
        "127.0.0.1:9747x",
        "127.0.0.1:９７４７",
        "127.0.0.2:9747",
        "10.0.0.1:9747",
        "[::1]:9747",
        "[:9747",
        "example.com:9747",
        "https://127.0.0.1:9747",
        "é:9747",
    ],
)
def test_no_other_address(value: str) -> None:
    assert not names(value, 9747)


def test_the_launchers_listener_is_taken_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        left = os.dup2(server.fileno(), 31)
    taken = web_adapter.listen(port)
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        assert taken.fileno() == left
        assert not os.get_inheritable(left)
    finally:
        taken.close()


def test_without_one_it_listens_at_this_port_or_not_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ours = web_adapter.listen(port)
    try:
        assert ours.getsockname() == ("127.0.0.1", port)
        left = ours.detach()
        os.dup2(left, 60)  # out of sight
        os.close(left)
        with pytest.raises(OSError, match="in use"):
            web_adapter.listen(port)
    finally:
        os.close(60)
