"""Faults that change the event, end to end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import NEXT, Runtime, chunked
from fakes.runtime_api import Invocation, RuntimeApi
from fakes.scripted import Conn, Server
from fakes.turns import run
from faultlayer.acting.actors import Turn
from faultlayer.acting.alter import Altering
from faultlayer.environment import memory
from faultlayer.targeting.injection import Injection
from faultlayer.wire.upstream_side import UpstreamSide

EVENT = b'{ "id": 12345678901234567890, "huge":1e400, "headers":{"X-A":"1"}, "text": "\\u00e9" }'


def test_the_function_gets_the_changed_event_and_nothing_else_changes(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, EVENT='{"headers.x-a":null,"text":5}')
    invoked, event = run(api, address, payload=EVENT)
    assert event.content == EVENT.replace(b'"X-A":"1"', b"").replace(b'"\\u00e9"', b"5")
    assert event.header("content-length") == str(len(event.content))
    sent = invoked.event().partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = event.head.rstrip().split(b"\r\n")
    assert [line for line in sent if b"Length" not in line] == [
        line for line in kept if b"Length" not in line
    ]
    (line,) = logged()
    assert (line["event"], line["fault"], line["paths"]) == ("fault_injected", "event", 2)
    assert line["request_id"] == invoked.request_id


@pytest.mark.parametrize("size", [10, 70_000, 5_000_000])
@pytest.mark.parametrize("framing", ["chunked", "sized", "closing", "closing and old"])
def test_events_of_any_size_and_framing(
    upstream: Server, proxied: Proxied, size: int, framing: str
) -> None:
    payload = json.dumps({"filler": "x" * size, "id": 1}).encode()

    def script(conn: Conn) -> None:
        while conn.request() is not None:
            if framing == "sized":
                conn.send(Invocation("id-1", payload).event())
                continue
            head, _, _ = Invocation("id-1").event().partition(b"Content-Length")
            if framing.startswith("closing"):
                version = b"HTTP/1.0" if "old" in framing else b"HTTP/1.1"
                conn.send(version + head[len(version) :] + b"\r\n" + payload[:5])
                time.sleep(0.02)
                conn.send(payload[5:])
                return
            pieces = [payload[at : at + 9000] for at in range(0, len(payload), 9000)]
            conn.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            conn.send(chunked(*pieces, trailers=b"X-T: 1\r\n"))

    upstream.script = script
    address = proxied(upstream, EVENT='{"id":"one"}')
    for _ in range(2):
        with Runtime(address) as runtime:
            for _ in range(1 if framing.startswith("closing") else 2):
                event = runtime.next()
                assert json.loads(event.content) == {"filler": "x" * size, "id": "one"}
                assert event.header("transfer-encoding") is None
            if framing.startswith("closing"):
                assert event.header("connection") == "close", "else it sends its answer here"
                assert runtime.wire.ended(5)


@pytest.mark.parametrize("payload", [b"{ ", b"", b"\xff", b' "id" ', b"[ 1,2]", b'{"id" : 1.0}'])
def test_what_it_does_not_change_keeps_its_bytes_and_does_not_count(
    api: RuntimeApi, proxied: Proxied, logged: Logged, payload: bytes
) -> None:
    address = proxied(api, EVENT='{"id":1.0}', EVENT_MAX="1")
    for _ in range(2):
        _, event = run(api, address, payload=payload)
        assert event.content == payload
    assert not logged("fault_injected")
    _, event = run(api, address, payload=b"{}")
    assert event.content == b'{"id":1.0}'
    _, event = run(api, address, payload=b"{}")
    assert event.content == b"{}"  # MAX is used up now


def test_why_it_leaves_events_alone_is_said_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faultlayer.targeting.injection._logged", set())
    address = proxied(api, EVENT='{"id":null}')
    for payload in (b"{", b"{}", b"{", b"{}"):
        run(api, address, payload=payload)
    lines = logged()
    assert [line["event"] for line in lines] == ["fault_not_applied"] * 2
    assert [line["message"] for line in lines] == [
        "the event is not JSON",
        "no path changes anything in the event",
    ]


def test_dry_run_a_match_and_a_limit(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    dry = proxied(api, EVENT='{"id":1}', DRY_RUN="true")
    assert run(api, dry, payload=b"{ }")[1].content == b"{ }"
    assert [line["event"] for line in logged()] == ["fault_dry_run"]
    aimed = proxied(api, EVENT='{"id":1}', EVENT_MATCH="id=2")
    assert run(api, aimed, payload=b'{"id":3}')[1].content == b'{"id":3}'
    assert run(api, aimed, payload=b'{"id":2}')[1].content == b'{"id":1}'
    assert len(logged("fault_injected")) == 1


def test_several_rules_act_on_what_the_one_before_made(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    rules = [{"fault": "event", "changes": changes} for changes in ({"a": 1}, {"a.b": 2}, {"b": 3})]
    address = proxied(api, PLAN=json.dumps({"faults": rules}))
    assert json.loads(run(api, address)[1].content) == {"a": 1, "b": 3}
    assert len(logged("fault_injected")) == 2


def test_a_function_that_does_not_run_gets_no_event(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, EVENT='{"a":1}', EVENT_MAX="1", STATUS="503", STATUS_MAX="1")
    refused = api.invoke()
    reached = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.ask(NEXT)
        assert event.content == b'{"a":1}'
        runtime.respond(event, b"null")
    assert refused.result().json["statusCode"] == 503
    assert reached.result().content == b"null"
    assert [line["fault"] for line in logged("fault_injected")] == ["status", "event"]


def test_in_order_with_the_others(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, EVENT='{"a":1}', LATENCY="1ms", EXCEPTION="E", EXCEPTION_WHEN="after")
    invoked, event = run(api, address)
    assert event.content == b'{"a":1}'
    assert invoked.kind == "error"
    assert [line["fault"] for line in logged()] == ["latency", "event", "exception"]


def no_room_to_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0)


def no_room_for_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sufficed to decide, no more."""
    act = Altering.before

    def no_room(side: UpstreamSide, event: object) -> bytes:
        raise MemoryError

    def before(actor: Altering, turn: Turn, injections: list[Injection]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(UpstreamSide, "buffer_event", no_room)
            act(actor, turn, injections)

    monkeypatch.setattr(Altering, "before", before)


@pytest.mark.parametrize("short", [no_room_to_receive, no_room_for_the_change])
def test_an_event_that_memory_has_no_room_for_reaches_the_function_as_it_was(
    api: RuntimeApi,
    proxied: Proxied,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    short: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """Each fault that would change it says so; none counts, so each acts when there is room."""
    rules = [{"fault": "event", "max": 1, "changes": {name: 1}} for name in ("a", "b")]
    address = proxied(api, PLAN=json.dumps({"faults": rules}))
    large = json.dumps({"filler": "x" * 3_000_000}).encode()
    with monkeypatch.context() as patch:
        patch.setattr("faultlayer.targeting.injection._logged", set())
        short(patch)
        invoked, event = run(api, address, payload=large)
    assert event.content == large
    assert [(line["event"], line["message"], line["request_id"]) for line in logged()] == [
        ("internal_error", "MemoryError", invoked.request_id)
    ] * 2
    _, event = run(api, address, payload=large)
    assert json.loads(event.content) == {**json.loads(large), "a": 1, "b": 1}
    assert [line["event"] for line in logged()] == ["fault_injected"] * 2
