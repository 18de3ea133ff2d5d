"""The service: what it takes for connections to be disturbed."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from fakes.proxied import soon
from faultlayer.dependencies import running_time, service, ways
from faultlayer.dependencies.running_time import RunningTime
from faultlayer.startup.control_socket import Sockets
from faultlayer.vocabulary.disturbances import Late
from proxy.dependencies.redirected import Injected


@pytest.fixture(autouse=True)
def nothing_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_started", [])


def listener() -> tuple[str, socket.socket]:
    name = f"\0faultlayer-test-{time.monotonic_ns()}"
    found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    found.bind(name)
    found.listen(8)
    return name, found


def test_hosts_are_summed_up_when_a_period_is_over_and_at_the_end(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, found = listener()
    clock = RunningTime()
    service.start(Sockets(found), lambda *host: False, frozenset(), clock, lambda: True)
    host_of = service._started[0]._observed.of
    logged = []

    def is_logged(host: str) -> bool:
        logged.append(capfd.readouterr().out)
        return f'"host":"{host}"' in "".join(logged)

    host_of("one.test", 443).connections += 1
    clock.waits()  # a result: the period is not over
    clock.goes_on()
    assert not is_logged("one.test")
    monkeypatch.setattr(running_time, "PERIOD", 0.0)
    clock.waits()
    assert soon(lambda: is_logged("one.test"))
    monkeypatch.setattr(running_time, "PERIOD", 60.0)
    host_of("two.test", 443).connections += 1
    service.finish()
    assert is_logged("two.test")


def test_it_is_fit_once_a_process_has_said_hello() -> None:
    assert service.unfit() == service.NOT_STARTED
    name, found = listener()
    service.start(Sockets(found), lambda name, address, port: True, frozenset())
    assert service.unfit() == ways.NOBODY
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(name)
        line.send(b"F\1H\0")
    assert soon(lambda: service.unfit() == "")
    injections: list[Any] = [Injected(Late(1))]
    service.running().begin(injections)
    assert len(service.running().conditions) == 1
    service.running().end(injections)
