"""The service: what it takes for connections to be disturbed."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from fakes.proxied import soon
from faultlayer.dependencies import service
from faultlayer.vocabulary.disturbances import Late
from proxy.dependencies.redirected import Injected


@pytest.fixture(autouse=True)
def nothing_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_started", [])


def test_it_is_fit_once_a_process_has_said_hello() -> None:
    assert service.unfit() == service.NOT_STARTED
    name = f"\0faultlayer-test-{time.monotonic_ns()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    listener.bind(name)
    listener.listen(8)
    service.start(listener, lambda name, address, port: True, frozenset())
    assert service.unfit() == service.NOBODY
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(name)
        line.send(b"F\1H\0")
    assert soon(lambda: service.unfit() == "")
    injections: list[Any] = [Injected(Late(1))]
    service.running().begin(injections)
    assert len(service.running().conditions) == 1
    service.running().end(injections)
