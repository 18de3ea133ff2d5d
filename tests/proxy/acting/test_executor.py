"""Several faults at once, in their order, and what is not to happen."""

from __future__ import annotations

import json
import threading
import time

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD, near, outcome, run


def test_several_faults_act_in_the_documented_order(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(
        api,
        LATENCY="50ms",
        EXCEPTION="E",
        STATUS="503",
        STATUS_WHEN="after",
        CORRUPTION="truncate",
        HEADERS='{"x":"y"}',
        EXCEPTION_MAX="1",
    )
    hit = api.invoke()
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        assert runtime.id_of(event) == invoked.request_id
        assert runtime.respond(event, PAYLOAD).status == 202
    assert hit.result().kind == "error"
    answer = invoked.result().json
    assert answer["statusCode"] == 503
    assert answer["headers"]["x"] == "y"
    with pytest.raises(ValueError, match="."):
        json.loads(answer["body"])  # truncated
    found = [(line["request_id"][-1:], line["fault"]) for line in logged("fault_injected")]
    assert [fault for _, fault in found] == [
        "latency",
        "exception",
        "latency",
        "corruption",
        "headers",
        "status",  # once Lambda has accepted it
    ]


def test_what_an_error_replaces_is_not_counted(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    """A corruption that an exception left no body for is still to come."""
    address = proxied(
        api, EXCEPTION="E", EXCEPTION_MAX="1", CORRUPTION="truncate", CORRUPTION_MAX="1"
    )
    hit = api.invoke()
    assert outcome(api, address)["body"] == "he"
    assert hit.result().kind == "error"
    assert [line["fault"] for line in logged()] == ["exception", "corruption"]


def test_what_a_timeout_swallows_is_not_counted(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, TIMEOUT="0", TIMEOUT_MAX="1", CORRUPTION="truncate", CORRUPTION_MAX="1")
    api.invoke(deadline_ms=near(0.5))
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert runtime.wire.silent(0.2)
    assert outcome(api, address)["body"] == "he"


@pytest.mark.parametrize(
    "fault",
    [
        {"LATENCY": "5s"},
        {"TIMEOUT": "0"},
        {"EXCEPTION": "E"},
        {"STATUS": "503"},
        {"STATUS": "503", "STATUS_WHEN": "after"},
        {"CORRUPTION": "garble"},
        {"HEADERS": '{"x":"y"}'},
    ],
    ids=str,
)
def test_dry_run_says_and_changes_nothing(
    api: RuntimeApi, proxied: Proxied, logged: Logged, fault: dict[str, str]
) -> None:
    address = proxied(api, DRY_RUN="true", **fault)
    begun = time.monotonic()
    invoked, event = run(api, address)
    assert time.monotonic() - begun < 1
    assert event.raw == invoked.event()
    assert invoked.content == PAYLOAD
    (line,) = logged()
    assert line["event"] == "fault_dry_run"
    assert line["fault"] == next(iter(fault)).lower()
    assert line["request_id"] == invoked.request_id


def test_a_seeded_rate_hits_the_same_ids_on_every_run_and_in_any_order(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    names = [f"request-{number}" for number in range(200)]

    def hit(order: list[str], connections: int) -> set[str]:
        address = proxied(api, CORRUPTION="replace", CORRUPTION_RATE="30%", SEED="chaos")

        def work() -> None:
            with Runtime(address) as runtime:
                for _ in range(len(order) // connections):
                    runtime.turn(PAYLOAD)

        for name in order:
            api.invoke(request_id=name)
        workers = [threading.Thread(target=work) for _ in range(connections)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(20)
        return {line["request_id"] for line in logged("fault_injected")}

    first = hit(names, 1)
    assert 35 <= len(first) <= 85
    assert hit(names[::-1], 8) == first


def test_max(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, CORRUPTION="replace", CORRUPTION_BODY="R", CORRUPTION_MAX="3")
    bodies = [outcome(api, address)["body"] for _ in range(6)]
    assert bodies == ["R"] * 3 + ["hello"] * 3
    assert len(logged("fault_injected")) == 3


def test_deeply_nested_answers_do_no_harm(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, HEADERS='{"x":"y"}')
    for depth in (900, 9_000, 100_000):
        body = b'{"statusCode":' * depth + b"1" + b"}" * depth
        assert run(api, address, body)[0].content == body
    assert not logged("internal_error")
