"""Events that are given more than once, end to end."""

from __future__ import annotations

import json
import threading
import time

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import HTTP_STREAM, NEXT, Runtime, echo, posted, stream_head
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PRELUDE, near, run
from faultlayer.environment import memory


def answers(runtime: Runtime, *bodies: bytes, wait: float = 0.0) -> list[bytes]:
    """What the runtime got, where it answers each event with the next of these."""
    events = []
    for body in bodies:
        event = runtime.next()
        events.append(event.raw)
        time.sleep(wait)
        said = runtime.respond(event, body)
        assert (said.status, said.content) != (202, b"")
        assert said.status == 202
    return events


@pytest.mark.parametrize("times", [2, 3, 10])
def test_the_same_event_several_times_and_the_last_answer(
    api: RuntimeApi, proxied: Proxied, logged: Logged, times: int
) -> None:
    address = proxied(api, DUPLICATE=str(times))
    with Runtime(address) as runtime:
        for _ in range(3):
            invoked = api.invoke(b'{"a": [1]}')
            bodies = [b"%d" % number for number in range(times)]
            events = answers(runtime, *bodies)
            assert len(set(events)) == 1, "byte for byte the same"
            assert invoked.result().content == b"%d" % (times - 1)
    lines = logged()
    assert [(line["event"], line["times"]) for line in lines] == [("fault_injected", times)] * 3


def test_a_handler_that_fails_on_the_second_delivery(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    """An error leaves at once: some runtimes exit after one."""
    address = proxied(api, DUPLICATE="3")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        answers(runtime, b"1")
        assert runtime.fail(runtime.next(), b'{"errorMessage":"seen before"}').status == 202
        assert invoked.result().kind == "error"
        assert invoked.json == {"errorMessage": "seen before"}
        again = api.invoke()
        answers(runtime, b"1", b"2", b"3")
        assert again.result().content == b"3"
    assert len(logged("fault_injected")) == 2


def test_an_error_at_once_is_no_injection(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="2", DUPLICATE_MAX="1")
    for _ in range(2):
        invoked = api.invoke()
        with Runtime(address) as runtime:
            assert runtime.fail(runtime.next()).status == 202
        assert invoked.result().kind == "error"
    assert not logged("fault_injected")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        answers(runtime, b"1", b"2")
    assert invoked.result().content == b"2"
    run(api, address)
    assert len(logged("fault_injected")) == 1


def test_no_delivery_that_could_not_finish(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="5")
    invoked = api.invoke(deadline_ms=near(1.6))
    with Runtime(address) as runtime:
        answers(runtime, b"1", b"2", b"3", wait=0.4)
    assert invoked.result().content == b"3"
    assert time.monotonic() - invoked.given < 1.6
    lines = logged()
    assert [line["event"] for line in lines] == ["fault_injected", "deliveries_cut_short"]
    assert lines[1]["deliveries"] == 3
    assert lines[1]["request_id"] == invoked.request_id


def test_where_no_second_one_could_finish_nothing_is_injected(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="5", DUPLICATE_MAX="1")
    invoked = api.invoke(deadline_ms=near(0.5))
    with Runtime(address) as runtime:
        answers(runtime, b"1", wait=0.3)
    assert invoked.result().content == b"1"
    (line,) = logged()
    assert (line["event"], line["fault"]) == ("fault_not_applied", "duplicate")
    assert "would not end before the deadline" in line["message"]


def test_what_comes_after_the_function_is_reckoned_with_and_comes_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(
        api, DUPLICATE="9", LATENCY="1500ms", LATENCY_WHEN="after", HEADERS='{"x":"y"}'
    )
    invoked = api.invoke(deadline_ms=near(7.8))
    with Runtime(address) as runtime:
        answers(runtime, *[b'{"statusCode":200}'] * 2, wait=2.4)
    assert invoked.result().json == {"statusCode": 200, "headers": {"x": "y"}}
    assert invoked.answered - invoked.given < 7.8
    faults = [line["fault"] for line in logged("fault_injected")]
    assert faults == ["duplicate", "latency", "headers"]


def test_streams_are_drained_and_the_last_one_passes_as_it_comes(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="3")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        for number in range(3):
            event = runtime.next()
            pieces = [PRELUDE + NULS, b"%d" % number, b"x" * 300_000]
            said = runtime.stream(event, *pieces, headers=HTTP_STREAM, trailers=b"X-T: end\r\n")
            assert said.status == 202
    assert invoked.result().content == PRELUDE + NULS + b"2" + b"x" * 300_000
    assert invoked.answer
    assert invoked.answer.trailers == [(b"x-t", b"end")]
    assert len(logged("fault_injected")) == 1


def test_a_stream_larger_than_what_is_kept_leaves_at_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    """Nothing of it is dropped: the runtime may never ask again, or it may end in an error."""
    address = proxied(api, DUPLICATE="2")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        pieces = [b"1"] + [b"x" * 100_000] * 120
        assert runtime.stream(runtime.next(), *pieces).status == 202
    assert len(invoked.result().content) == 12_000_001
    (line,) = logged()
    assert (line["event"], line["fault"]) == ("fault_not_applied", "duplicate")
    assert "too long to be kept" in line["message"]


def test_a_stream_that_leaves_no_time_for_another_is_not_lost(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="2")
    invoked = api.invoke(deadline_ms=near(1.2))
    with Runtime(address) as runtime:
        event = runtime.next()
        runtime.wire.send(stream_head(invoked.request_id, echo(event)))
        for _ in range(4):
            runtime.wire.send(b"3\r\nabc\r\n")
            time.sleep(0.2)
        runtime.wire.send(b"0\r\n\r\n")
        assert runtime.wire.response().status == 202
    assert invoked.result().content == b"abc" * 4
    assert [line["event"] for line in logged()] == ["fault_not_applied"]


def test_a_large_answer_that_waits_to_be_asked_for(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, DUPLICATE="2")
    invoked = api.invoke()
    body = json.dumps("x" * 500_000).encode()
    with Runtime(address) as runtime:
        for _ in range(2):
            event = runtime.next()
            headers = echo(event) + b"Expect: 100-continue\r\n"
            request = posted(invoked.request_id, "response", headers, body)
            runtime.wire.send(request[: -len(body)])
            assert runtime.wire.through(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
            runtime.wire.send(body)
            assert runtime.wire.response().status == 202
    assert invoked.result().content == body


def test_a_connection_for_each_request(api: RuntimeApi, proxied: Proxied) -> None:
    """The runtime that got the event may ask again on any connection."""
    address = proxied(api, DUPLICATE="3")
    invoked = api.invoke()
    for number in range(3):
        with Runtime(address) as asking:
            event = asking.next()
        request = posted(
            asking.id_of(event), "response", echo(event) + b"Connection: close\r\n", b"%d" % number
        )
        with Runtime(address) as telling:
            assert telling.ask(request).status == 202
            if number < 2:
                assert telling.wire.sock.recv(1) == b"", "as it asked for"
    assert invoked.result().content == b"2"


def test_one_connection_to_ask_and_another_to_tell(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, DUPLICATE="2", DUPLICATE_MATCH="hit")
    with Runtime(address) as asking, Runtime(address) as telling:
        for payload in (b"{}", b'{"hit":1}', b"{}", b'{"hit":1}'):
            invoked = api.invoke(payload)
            for _ in range(2 if b"hit" in payload else 1):
                event = asking.next()
                assert asking.id_of(event) == invoked.request_id
                assert telling.respond(event, b"1").status == 202
            assert invoked.result().content == b"1"


def test_parallel_connections_get_their_own_events_again(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="3")
    invoked = [api.invoke() for _ in range(4)]
    runtimes = [Runtime(address) for _ in invoked]
    events = [runtime.next() for runtime in runtimes]
    for round_ in (1, 2, 3):
        for runtime, event in zip(runtimes, events, strict=True):
            assert runtime.respond(event, b"%d" % round_).status == 202
        if round_ < 3:
            for runtime, event in zip(reversed(runtimes), reversed(events), strict=True):
                assert runtime.next().raw == event.raw
    for runtime, one in zip(runtimes, invoked, strict=True):
        assert one.result().content == b"3"
        runtime.wire.close()
    assert len(logged("fault_injected")) == 4


def test_parallel_connections_under_load(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    """Who asks while another's event is due may get that: some runtimes share connections."""
    address = proxied(api, DUPLICATE="3", DUPLICATE_RATE="50%", SEED="1")
    seen: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        with Runtime(address) as runtime:
            while True:
                event = runtime.next()
                with lock:
                    seen.append(runtime.id_of(event))
                    count = seen.count(seen[-1])
                runtime.respond(event, b"%d" % count)
                if event.content == b'"last"':
                    return

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    invoked = [api.invoke() for _ in range(60)]
    for one in invoked:
        assert one.result().content == b"%d" % seen.count(one.request_id)
    hit = {line["request_id"] for line in logged("fault_injected")}
    assert 15 < len(hit) < 45
    for one in invoked:
        assert seen.count(one.request_id) == (3 if one.request_id in hit else 1)
    while any(worker.is_alive() for worker in workers):
        api.invoke(b'"last"')
        time.sleep(0.02)


@pytest.mark.parametrize("kept_alive", [False, True])
def test_clients_of_http_1_0_are_told_the_end_as_they_expect(
    api: RuntimeApi, proxied: Proxied, kept_alive: bool
) -> None:
    """By the end of the connection, unless they ask to keep it."""
    address = proxied(api, DUPLICATE="3")
    invoked = api.invoke(b'{"a":1}')
    extra = b"Connection: keep-alive\r\n" if kept_alive else b""
    for number in range(3):
        with Runtime(address) as asking:
            asking.wire.send(NEXT.replace(b"1.1\r\n", b"1.0\r\n" + extra))
            event = asking.wire.response()
            assert event.content == b'{"a":1}'
            if number:  # else it is Lambda's own reply
                assert asking.wire.silent() if kept_alive else asking.wire.ended(5)
        request = posted(invoked.request_id, "response", echo(event), b"%d" % number)
        with Runtime(address) as telling:
            assert telling.ask(request.replace(b"1.1\r\n", b"1.0\r\n" + extra)).status == 202
            if number < 2:
                assert telling.wire.silent() if kept_alive else telling.wire.ended(5)
    assert invoked.result().content == b"2"


def test_it_is_given_again_changed_as_it_was(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, DUPLICATE="2", EVENT='{"a":1}', STATUS="503", STATUS_WHEN="after")
    invoked = api.invoke(b"{ }")
    with Runtime(address) as runtime:
        for raw in answers(runtime, b"1", b"2"):
            assert raw.endswith(b'\r\n\r\n{"a":1 }')
    assert invoked.result().json["statusCode"] == 503


@pytest.mark.parametrize("size", [100_000, 6_000_000])
def test_large_events(api: RuntimeApi, proxied: Proxied, size: int) -> None:
    address = proxied(api, DUPLICATE="2")
    payload = json.dumps("x" * size).encode()
    invoked = api.invoke(payload)
    with Runtime(address) as runtime:
        first, second = answers(runtime, b"1", b"2")
    assert first == second
    assert first.endswith(payload)
    assert invoked.result().content == b"2"


def test_a_dry_run_a_terminal_fault_and_two_rules(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    run(api, proxied(api, DUPLICATE="2", DRY_RUN="true"))
    assert [line["event"] for line in logged()] == ["fault_dry_run"]
    refused = api.invoke()
    with Runtime(proxied(api, DUPLICATE="2", STATUS="503", STATUS_MAX="1")) as runtime:
        runtime.wire.send(NEXT)
        assert refused.result().json["statusCode"] == 503
        api.invoke()
        assert runtime.respond(runtime.wire.response(), b"1").status == 202
        answers(runtime, b"2")
    assert [line["fault"] for line in logged()] == ["status", "duplicate"]
    rules = [{"fault": "duplicate", "times": times, "max": 1} for times in (3, 2)]
    with Runtime(proxied(api, PLAN=json.dumps({"faults": rules}))) as runtime:
        for bodies in ([b"1", b"2", b"3"], [b"1", b"2"], [b"1"]):
            invoked = api.invoke()
            answers(runtime, *bodies)
            assert invoked.result().content == bodies[-1]


def test_a_runtime_that_leaves_and_an_event_that_is_too_old(
    api: RuntimeApi, proxied: Proxied
) -> None:
    address = proxied(api, DUPLICATE="2")
    api.invoke(deadline_ms=near(0.4))
    with Runtime(address) as runtime:
        answers(runtime, b"1")
    time.sleep(0.4)
    fresh = api.invoke()
    with Runtime(address) as runtime:
        assert answers(runtime, b"1", b"2")[0].endswith(b"{}")
    assert fresh.result().content == b"2"


# -- what cannot be repeated: the function runs once, as if there were no fault -------------------


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory is free."""
    monkeypatch.setattr(memory, "free_memory", lambda: 0)


@pytest.mark.usefixtures("full")
def test_an_event_that_memory_has_no_room_for_is_given_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="2", DUPLICATE_MAX="1")
    payload = json.dumps("x" * 3_000_000).encode()
    invoked = api.invoke(payload)
    small = api.invoke()
    with Runtime(address) as runtime:
        (event,) = answers(runtime, b"1")
        assert event.endswith(payload), "all of it"
        assert invoked.result().content == b"1"
        answers(runtime, b"1", b"2")
    assert small.result().content == b"2", "the limit was not used up"
    told = [(line["event"], line["request_id"]) for line in logged()]
    assert told == [("internal_error", invoked.request_id), ("fault_injected", small.request_id)]


def test_an_event_longer_than_any_is_given_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="2")
    payload = json.dumps("x" * (8 << 20)).encode()
    invoked = api.invoke(payload)
    with Runtime(address) as runtime:
        (event,) = answers(runtime, b"1")
    assert event.endswith(payload)
    assert invoked.result().content == b"1"
    (line,) = logged()
    assert (line["event"], line["fault"]) == ("fault_not_applied", "duplicate")
    assert "longer than Lambda allows" in line["message"]


@pytest.mark.usefixtures("full")
def test_a_result_that_memory_has_no_room_for_leaves_at_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="2")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        body = b"x" * 3_000_000
        answers(runtime, body)
        assert invoked.result().content == body
        again = api.invoke()
        answers(runtime, b"1", b"2")
    assert again.result().content == b"2"
    events = [(line["event"], line["request_id"]) for line in logged()]
    assert events == [
        ("internal_error", invoked.request_id),
        ("fault_injected", again.request_id),
    ]
