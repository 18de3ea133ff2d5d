"""Connections disturbed while an invocation runs, and told of when one was touched."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakes.proxied import start
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD
from faultlayer.dependencies import conditions, service, ways
from proxy.dependencies.redirected import Redirected, exchange, host

VARIABLES = {
    "FAULTLAYER_NETWORK": "100ms",
    "FAULTLAYER_NETWORK_HOSTS": "127.0.0.1",
    "FAULTLAYER_NETWORK_MAX": "1",
}


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        yield server
    assert not server.errors


@pytest.fixture
def redirected(monkeypatch: pytest.MonkeyPatch) -> Redirected:
    running = Redirected()
    monkeypatch.setattr(service, "_started", [running])
    monkeypatch.setattr("faultlayer.targeting.injection._logged", set())
    return running


def told(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log, without the line about the way."""
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] != "connections_redirected"]


@pytest.mark.usefixtures("localhost")
def test_in_force_while_it_runs_and_logged_when_it_touches(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    redirected.hello()
    with host() as port, Runtime(start(api.address, VARIABLES)) as runtime:
        client = redirected.connect(port)
        for is_hit in (True, False):  # the second is over the limit
            invoked = api.invoke()
            event = runtime.next()
            assert bool(redirected.in_force.conditions) is is_hit
            assert (exchange(client, b"x") > 0.09) is is_hit
            runtime.respond(event, PAYLOAD)
            invoked.result()
        client.close()
    (line,) = told(capfd)
    assert (line["event"], line["host"]) == ("fault_injected", "127.0.0.1")
    assert (line["port"], line["delay_ms"]) == (port, 100.0)


@pytest.mark.parametrize("times", [1, 2])
def test_it_lasts_until_its_own_result_if_the_runtime_polls_ahead(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str], times: int
) -> None:
    """The runtime asks for the next event before it has answered; with DUPLICATE as well."""
    redirected.hello()
    variables = {"FAULTLAYER_CONNECT": "refuse"}
    if times > 1:
        variables["FAULTLAYER_DUPLICATE"] = str(times)
    address = start(api.address, variables)

    def in_force() -> int:
        return len(redirected.in_force.conditions)

    with Runtime(address) as one, Runtime(address) as other, Runtime(address) as answers:
        first, event = api.invoke(), one.next()
        other.wire.send(NEXT)
        assert in_force() == 1, "a poll is no result"
        second, ahead = api.invoke(), other.wire.response()
        for poll, invoked, given, left in ((one, first, event, 1), (other, second, ahead, 0)):
            for _ in range(times - 1):
                answers.respond(given, PAYLOAD)
                assert in_force() == left + 1, "it is given once more"
                assert Runtime.id_of(poll.next()) == Runtime.id_of(given)
            answers.respond(given, PAYLOAD)
            invoked.result()
            assert in_force() == left


def test_one_that_meets_no_connection_does_not_count(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    redirected.hello()
    with Runtime(start(api.address, VARIABLES)) as runtime:
        for _ in range(2):
            invoked = api.invoke()
            event = runtime.next()
            assert redirected.in_force.conditions, "the limit is not used up"
            runtime.respond(event, PAYLOAD)
            invoked.result()
    (line,) = told(capfd)
    assert (line["event"], line["message"]) == ("fault_not_applied", conditions.UNTOUCHED)
    assert not redirected.in_force.conditions


def test_a_connection_that_did_not_wait_for_its_answer_is_named(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    redirected.hello()
    with Runtime(start(api.address, VARIABLES)) as runtime:
        invoked = api.invoke()
        event = runtime.next()
        redirected.in_force.missed += 1
        runtime.respond(event, PAYLOAD)
        invoked.result()
    (line,) = told(capfd)
    assert (line["event"], line["message"]) == ("fault_not_applied", conditions.MISSED)


def test_a_function_that_answers_before_the_loop_has_logged_is_waited_for(
    api: RuntimeApi,
    redirected: Redirected,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shim has its answer sooner than the log has its line."""
    touched = conditions.Condition.touched

    def late(condition: conditions.Condition, name: str, port: int) -> None:
        time.sleep(0.02)
        touched(condition, name, port)

    monkeypatch.setattr(conditions, "_PATIENCE", 5.0)
    monkeypatch.setattr(conditions.Condition, "touched", late)
    redirected.hello()
    variables = {"FAULTLAYER_CONNECT": "refuse", "FAULTLAYER_CONNECT_HOSTS": "127.0.0.1"}
    with host() as port, Runtime(start(api.address, variables)) as runtime:
        invoked = api.invoke()
        event = runtime.next()
        assert redirected.asked(port)[1] != port
        runtime.respond(event, PAYLOAD)
        invoked.result()
    (line,) = told(capfd)
    assert (line["event"], line["port"]) == ("fault_injected", port)


def test_without_the_shim_it_does_not_apply(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    with Runtime(start(api.address, VARIABLES)) as runtime:
        invoked = api.invoke()
        runtime.respond(runtime.next(), PAYLOAD)
        invoked.result()
    (line,) = told(capfd)
    assert (line["event"], line["message"]) == ("fault_not_applied", ways.NOBODY)


def why(
    api: RuntimeApi,
    redirected: Redirected,
    capfd: pytest.CaptureFixture[str],
    variables: dict[str, str],
    work: Callable[[], object],
) -> list[tuple[str, str, str]]:
    """Event, fault and message of each line during this work."""
    redirected.hello()
    capfd.readouterr()
    with Runtime(start(api.address, variables)) as runtime:
        invoked = api.invoke()
        event = runtime.next()
        work()
        runtime.respond(event, PAYLOAD)
        invoked.result()
    return [(each["event"], each["fault"], each.get("message", "")) for each in told(capfd)]


def test_a_connection_to_loopback_that_no_entry_names_is_the_reason(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    redirected.control._is_aimed_at = lambda *where: False  # as with HOSTS=*
    with host() as port:
        lines = why(
            api,
            redirected,
            capfd,
            {"FAULTLAYER_NETWORK": "1s"},
            lambda: redirected.asked(port),
        )
    assert lines == [("fault_not_applied", "network", conditions.ONLY_LOCAL)]


def test_a_host_that_refuses_is_the_reason(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    with host() as port:
        pass
    lines = why(api, redirected, capfd, VARIABLES, lambda: redirected.asked(port))
    assert lines == [("fault_not_applied", "network", conditions.DIRECT)]


def test_an_answer_that_is_too_short_and_one_without_tls_are_the_reason(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    variables = {
        "FAULTLAYER_RESET": "64KB",
        "FAULTLAYER_RESET_HOSTS": "127.0.0.1",
        "FAULTLAYER_TLS": "handshake",
        "FAULTLAYER_TLS_HOSTS": "127.0.0.1",
    }
    with host() as port:

        def work() -> None:
            with redirected.connect(port) as client:
                exchange(client, b"x")

        lines = why(api, redirected, capfd, variables, work)
    assert lines == [
        ("fault_not_applied", "reset", conditions.TOO_SHORT),
        ("fault_not_applied", "tls", conditions.NO_HANDSHAKE),
    ]


def test_a_connection_that_another_fault_has_ended_is_the_reason(
    api: RuntimeApi, redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    variables = {**VARIABLES, "FAULTLAYER_CONNECT": "refuse"}
    variables["FAULTLAYER_CONNECT_HOSTS"] = "127.0.0.1"
    with host() as port:
        lines = why(api, redirected, capfd, variables, lambda: redirected.asked(port))
    assert sorted(lines) == [
        ("fault_injected", "connect", ""),
        ("fault_not_applied", "network", conditions.OVERTAKEN),
    ]
