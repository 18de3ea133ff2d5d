"""Ports for what runs beside one another."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from contextlib import closing

import pytest
from cli_support import HELLO

from faultlayer_cli.running import ports
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these be what chance draws next."""

    def draw(*numbers: int) -> None:
        left = iter(numbers)
        monkeypatch.setattr(random, "randrange", lambda *_: next(left))

    return draw


@pytest.fixture
def three() -> list[int]:
    found: set[int] = set()
    while len(found) < 3:
        found.add(ports.free_port())
    return sorted(found)


def test_a_port_is_given_to_one_at_a_time(drawn: Callable[..., None], three: list[int]) -> None:
    first, second, _ = three
    drawn(first, first, second, first)
    with closing(ports.Port()) as port:
        assert port.number == first
        assert ports.is_free(first), "for the program that it is meant for"
        with closing(ports.Port()) as other:
            assert other.number == second
    assert ports.free_port() == first


def test_a_port_somebody_listens_on_is_not_given(
    drawn: Callable[..., None], three: list[int]
) -> None:
    first, second, _ = three
    with socket.create_server(("127.0.0.1", first)):
        drawn(first, second)
        assert ports.free_port() == second


def test_emulators_beside_one_another_share_none(
    drawn: Callable[..., None], three: list[int]
) -> None:
    """Before either has started, too: it binds them only then."""
    first, second, third = three
    drawn(first, second, first, second, third, first)
    one = Emulator(LocalFunction(HELLO))
    try:
        assert (one.port, one.api_port) == (first, second)
        other = Emulator(LocalFunction(HELLO), port=3)
        try:
            assert (other.port, other.api_port) == (3, third)
        finally:
            other.close()
    finally:
        one.close()
    assert ports.free_port() == first
