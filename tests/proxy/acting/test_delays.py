"""Events and answers that are held back: what the caller gets, what is logged."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from fakes.proxied import Logged, Proxied, soon
from fakes.runtime import NEXT, Runtime, echo, posted
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD, near, run


def test_latency_before(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, LATENCY="200ms")
    begun = time.monotonic()
    invoked, event = run(api, address)
    assert 0.2 <= invoked.answered - begun < 1
    assert invoked.content == PAYLOAD
    assert event.raw == invoked.event()
    (line,) = logged()
    assert line == {
        "source": "faultlayer",
        "level": "info",
        "event": "fault_injected",
        "fault": "latency",
        "request_id": invoked.request_id,
        "delay_ms": 200,
        "when": "before",
    }


def test_latency_after(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, LATENCY="600ms", LATENCY_WHEN="after")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        assert time.monotonic() - invoked.given < 0.45
        assert runtime.respond(event, PAYLOAD).status == 202
    assert invoked.result().answered - invoked.given >= 0.6
    assert invoked.content == PAYLOAD
    assert [line["when"] for line in logged("fault_injected")] == ["after"]


def test_latency_after_the_last_words_of_a_runtime(api: RuntimeApi, proxied: Proxied) -> None:
    """It answers late, but it answers."""
    address = proxied(api, LATENCY="100ms", LATENCY_WHEN="after")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        runtime.wire.send(posted(invoked.request_id, "response", echo(event), b"1"))
    assert invoked.result().content == b"1"


def test_latency_range_depends_on_seed_and_id_alone(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    def delays() -> dict[str, float]:
        address = proxied(api, LATENCY="1ms..9ms", SEED="7")
        for number in range(12):
            run(api, address, request_id=f"id-{number}")
        return {line["request_id"]: line["delay_ms"] for line in logged("fault_injected")}

    first = delays()
    assert first == delays()
    assert len(set(first.values())) > 6
    assert all(1 <= delay <= 9 for delay in first.values())


def test_timeout_leaves_its_margin(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, TIMEOUT="900ms")
    deadline = near(1.5)
    invoked = api.invoke(deadline_ms=deadline)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert 0.6 < deadline / 1000 - time.time() <= 0.902
        assert runtime.respond(event, b"1").status == 202
    assert invoked.result().content == b"1"
    (line,) = logged()
    assert line["fault"] == "timeout"
    assert 400 < line["delay_ms"] <= 601


def test_a_delay_before_a_timeout_counts_towards_it(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, LATENCY="300ms", TIMEOUT="900ms")
    deadline = near(1.5)
    api.invoke(deadline_ms=deadline)
    with Runtime(address) as runtime:
        runtime.next()
        assert 0.6 < deadline / 1000 - time.time() <= 0.902


@pytest.mark.parametrize(
    "deadline",
    [lambda: 0, lambda: near(-3600), lambda: near(0.1), lambda: None],
    ids=["the epoch", "an hour ago", "in a moment", "none"],
)
def test_timeout_if_no_more_than_the_margin_is_left(
    api: RuntimeApi, proxied: Proxied, logged: Logged, deadline: Callable[[], int | None]
) -> None:
    address = proxied(api, TIMEOUT="1200ms", TIMEOUT_MAX="1")
    begun = time.monotonic()
    assert run(api, address, deadline_ms=deadline())[0].content == PAYLOAD
    assert time.monotonic() - begun < 1
    assert not logged("fault_injected")


def test_timeout_0_holds_the_event_past_the_deadline(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, TIMEOUT="0", TIMEOUT_MAX="1")
    invoked = api.invoke(deadline_ms=near(0.6))
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert runtime.wire.silent(0.9)
        # Lambda ends the environment; the proxy lives on where only the runtime is replaced.
    assert run(api, address)[0].content == PAYLOAD
    assert not invoked.done.is_set()
    assert [line["fault"] for line in logged()] == ["timeout"]


@pytest.mark.parametrize(
    "deadline",
    [lambda: 10**14, lambda: 10**30, lambda: near(86400 * 365)],
    ids=["year 5138", "no clock goes so far", "a year from now"],
)
def test_timeout_with_an_absurd_deadline_ends_with_the_runtime(
    api: RuntimeApi, proxied: Proxied, logged: Logged, deadline: Callable[[], int]
) -> None:
    address = proxied(api, TIMEOUT="0", TIMEOUT_MAX="1")
    when = deadline()
    api.invoke(deadline_ms=when)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        if when < 10**16:
            assert runtime.wire.silent(0.2)
            (line,) = logged("fault_injected")
            assert line["delay_ms"] <= 900_000


def test_a_runtime_that_dies_while_it_is_held(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, LATENCY="10s", LATENCY_MAX="1")
    api.invoke()
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert runtime.wire.silent(0.1)
    assert soon(lambda: api.conns[0].over.is_set())
    assert run(api, address)[0].content == PAYLOAD
