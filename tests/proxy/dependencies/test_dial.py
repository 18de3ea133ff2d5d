"""Connecting for a client of the proxy: lookups, then address after address."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import Any

import pytest

from fakes.proxied import soon
from faultlayer.dependencies import dial
from faultlayer.dependencies.dial import Dial, Resolver, literal
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Unreachable
from proxy.dependencies.redirected import Redirected, closed_port, host


@pytest.fixture
def redirected() -> Redirected:
    return Redirected()


class Dialed:
    """A dial in the loop, and its outcomes: host and error."""

    def __init__(self, redirected: Redirected, name: str, port: int) -> None:
        self.done: queue.Queue[tuple[Any, str]] = queue.Queue()
        resolver = Resolver(redirected.loop)
        self.dial = Dial(
            redirected.loop,
            redirected.in_force,
            resolver,
            name,
            port,
            lambda connected, error: self.done.put((connected, error)),
        )
        redirected.loop.call(self.dial.start)

    def outcome(self, timeout: float = 5) -> tuple[str, str]:
        connected, error = self.done.get(timeout=timeout)
        if connected is None:
            return "", error
        connected.sock.close()
        return socket.inet_ntop(
            socket.AF_INET if len(connected.host.address) == 4 else socket.AF_INET6,
            connected.host.address,
        ), error


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def answer(*given: Any) -> list[Any]:
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in each], 1, 6, "", (each, 0)) for each in addresses]

    monkeypatch.setattr(dial, "getaddrinfo", answer)


def test_addresses_as_people_write_them() -> None:
    assert literal("127.0.0.1") == bytes([127, 0, 0, 1])
    assert literal("::ffff:127.0.0.1") == bytes([127, 0, 0, 1])
    assert literal("::1") == bytes(15) + b"\1"
    assert literal("localhost") is None
    assert literal("127.1") is None
    assert literal("") is None


def test_the_next_address_is_tried_if_one_refuses(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host() as port:
        resolves_to(monkeypatch, "::1", "127.0.0.2", "127.0.0.1")
        assert Dialed(redirected, "a.example", port).outcome() == ("127.0.0.1", "")
    resolves_to(monkeypatch, "::1", "127.0.0.1")
    assert Dialed(redirected, "a.example", closed_port()).outcome() == ("", dial.REFUSED)


def test_the_next_address_is_tried_beside_one_that_is_silent(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "127.0.0.3", "127.0.0.1")
    with host() as port:
        silent = HostList().parse("127.0.0.3")
        with redirected.disturbed(Unreachable(silent=True), hosts=silent) as (injected,):
            began = time.monotonic()
            assert Dialed(redirected, "a.example", port).outcome() == ("127.0.0.1", "")
            assert time.monotonic() - began >= 0.25
            assert injected.told == [{"host": "a.example", "port": port}]
        both = HostList().parse("127.0.0.0/8")
        with redirected.disturbed(Unreachable(silent=True), hosts=both):
            dialed = Dialed(redirected, "a.example", port)
            with pytest.raises(queue.Empty):
                dialed.outcome(0.8)
            redirected.loop.call(dialed.dial.cancel)


def test_lookups_are_limited_and_none_is_lost(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[int] = []
    most: list[int] = []
    go_on = threading.Event()

    def answer(*given: Any) -> list[Any]:
        running.append(1)
        most.append(len(running))
        go_on.wait(10)
        running.pop()
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(dial, "getaddrinfo", answer)
    resolver = Resolver(redirected.loop)
    found: list[Any] = []
    for _ in range(100):
        redirected.loop.call(lambda: resolver.look_up("a", lambda a, error: found.append(a)))
    assert soon(lambda: len(running) == 32)
    go_on.set()
    assert soon(lambda: len(found) == 100)
    assert max(most) <= 32


def test_without_a_thread_a_name_does_not_resolve(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(dial, "start_new_thread", fails)
    assert Dialed(redirected, "a.example", 1).outcome() == ("", dial.MISBEHAVING)
    assert Dialed(redirected, "b.example", 1).outcome() == ("", dial.MISBEHAVING)
