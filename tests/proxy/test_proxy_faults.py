"""Every fault end to end: what the caller gets, what the runtime notices, what the log says."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from fakes.proxied import Address, Logged, Proxied, soon
from fakes.runtime import HTTP_STREAM, NEXT, Runtime, chunked, echo, posted, stream_head
from fakes.runtime_api import Invocation, RuntimeApi
from fakes.wire import Message

HTTP = {"statusCode": 200, "headers": {"Content-Type": "text/plain", "X-A": "1"}, "body": "hello"}
PAYLOAD = json.dumps(HTTP).encode()
NULS = b"\0" * 8
PRELUDE = b'{"statusCode":200,"headers":{"x-a":"1"}}'


def run(
    api: RuntimeApi, address: Address, body: bytes = PAYLOAD, **invocation: Any
) -> tuple[Invocation, Message]:
    """One invocation that reaches the function, which answers this."""
    invoked = api.invoke(**invocation)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert runtime.id_of(event) == invoked.request_id
        assert runtime.respond(event, body).status == 202
    return invoked.result(), event


def outcome(api: RuntimeApi, address: Address, body: bytes = PAYLOAD) -> Any:
    """What the caller gets of one invocation that reaches the function."""
    return run(api, address, body)[0].json


def streamed(api: RuntimeApi, address: Address, *pieces: bytes, http: bool = True) -> Invocation:
    """One invocation whose function answers with a stream, and a trailer."""
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        headers = HTTP_STREAM if http else b"Content-Type: application/octet-stream\r\n"
        said = runtime.stream(event, *pieces, headers=headers, trailers=b"X-T: end\r\n")
        assert said.status == 202
    return invoked.result()


# -- delays ---------------------------------------------------------------------------------------


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
    address = proxied(api, LATENCY="200ms", LATENCY_WHEN="after")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        assert time.monotonic() - invoked.given < 0.15
        assert runtime.respond(event, PAYLOAD).status == 202
    assert invoked.result().answered - invoked.given >= 0.2
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


def near(seconds: float) -> int:
    return int((time.time() + seconds) * 1000)


def test_timeout_leaves_its_margin(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, TIMEOUT="300ms")
    deadline = near(0.6)
    invoked = api.invoke(deadline_ms=deadline)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert 0.2 < deadline / 1000 - time.time() <= 0.302
        assert runtime.respond(event, b"1").status == 202
    assert invoked.result().content == b"1"
    (line,) = logged()
    assert line["fault"] == "timeout"
    assert 200 < line["delay_ms"] <= 301


@pytest.mark.parametrize("deadline", [0, near(-3600), near(0.1), None])
def test_timeout_where_no_more_than_the_margin_is_left(
    api: RuntimeApi, proxied: Proxied, logged: Logged, deadline: int | None
) -> None:
    address = proxied(api, TIMEOUT="300ms", TIMEOUT_MAX="1")
    begun = time.monotonic()
    assert run(api, address, deadline_ms=deadline)[0].content == PAYLOAD
    assert time.monotonic() - begun < 0.25
    assert not logged()


def test_timeout_0_holds_the_event_past_the_deadline(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, TIMEOUT="0", TIMEOUT_MAX="1")
    invoked = api.invoke(deadline_ms=near(0.2))
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert runtime.wire.silent(0.5)
        # Lambda ends the environment; the proxy lives on where only the runtime is replaced.
    assert run(api, address)[0].content == PAYLOAD
    assert not invoked.done.is_set()
    assert [line["fault"] for line in logged()] == ["timeout"]


@pytest.mark.parametrize("deadline", [10**14, 10**30, near(86400 * 365)])
def test_timeout_with_an_absurd_deadline_ends_with_the_runtime(
    api: RuntimeApi, proxied: Proxied, logged: Logged, deadline: int
) -> None:
    address = proxied(api, TIMEOUT="0", TIMEOUT_MAX="1")
    api.invoke(deadline_ms=deadline)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        if deadline < 10**16:
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


# -- terminal faults ------------------------------------------------------------------------------


def test_status_before(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, STATUS="503", STATUS_MAX="1", STATUS_HEADERS='{"Retry-After":"5"}')
    hit = api.invoke()
    invoked, _ = run(api, address)  # the runtime's first /next gets the second event
    answer = hit.result().json
    assert answer["statusCode"] == 503
    assert answer["headers"] == {"Retry-After": "5", "content-type": "application/json"}
    assert json.loads(answer["body"])["message"]
    assert hit.answer and hit.answer.header("lambda-runtime-invocation-id") == "inv-1"
    assert hit.kind == "response"
    assert invoked.content == PAYLOAD
    (line,) = logged()
    assert (line["fault"], line["status"], line["when"]) == ("status", 503, "before")


def test_exception_before(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, EXCEPTION="KeyError: no é", EXCEPTION_MAX="1")
    hit = api.invoke()
    run(api, address)
    assert hit.result().kind == "error"
    assert hit.json == {"errorType": "KeyError", "errorMessage": "no é", "stackTrace": []}
    assert hit.answer
    assert hit.answer.header("lambda-runtime-function-error-type") == "KeyError"
    assert hit.answer.header("lambda-runtime-invocation-id") == "inv-1"
    assert [line["fault"] for line in logged()] == ["exception"]


def test_thousands_of_terminal_answers_within_one_request(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, STATUS="500", STATUS_MAX="2000")
    hits = [api.invoke() for _ in range(2000)]
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert all(hit.result().json["statusCode"] == 500 for hit in hits)
        last = api.invoke()
        assert runtime.id_of(runtime.wire.response()) == last.request_id
    assert len(logged("fault_injected")) == 2000


def test_a_large_event_that_the_function_does_not_see(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, STATUS="503", STATUS_MAX="1")
    hit = api.invoke(b'"%b"' % (b"x" * 6_000_000))
    run(api, address)
    assert hit.result().json["statusCode"] == 503


@pytest.mark.parametrize("report", ["response", "error"])
@pytest.mark.parametrize("size", [10, 300_000])
def test_status_after(
    api: RuntimeApi, proxied: Proxied, logged: Logged, report: str, size: int
) -> None:
    address = proxied(api, STATUS="502", STATUS_WHEN="after", STATUS_BODY="no")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        for _ in range(2):
            event = runtime.next()
            tell = runtime.respond if report == "response" else runtime.fail
            assert tell(event, b'"%b"' % (b"x" * size)).status == 202
            assert invoked.result().kind == "response"
            assert invoked.json["statusCode"] == 502
            assert invoked.json["body"] == "no"
            invoked = api.invoke()
    assert [line["when"] for line in logged("fault_injected")] == ["after"] * 2


@pytest.mark.parametrize("http", [True, False])
def test_exception_after_on_a_stream(api: RuntimeApi, proxied: Proxied, http: bool) -> None:
    address = proxied(api, EXCEPTION="Late", EXCEPTION_WHEN="after")
    invoked = streamed(api, address, PRELUDE + NULS, b"body", http=http)
    assert invoked.kind == "error"
    assert invoked.json["errorMessage"] == "Late"


@pytest.mark.parametrize("report", ["response", "error"])
def test_exception_after(api: RuntimeApi, proxied: Proxied, report: str) -> None:
    address = proxied(api, EXCEPTION="Late: x", EXCEPTION_WHEN="after")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        tell = runtime.respond if report == "response" else runtime.fail
        assert tell(event, b"{}").status == 202
    assert invoked.result().kind == "error"
    assert invoked.json["errorType"] == "Late"


def test_status_after_on_an_http_stream(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, STATUS="504", STATUS_WHEN="after", STATUS_BODY="gone")
    invoked = streamed(api, address, PRELUDE + NULS + b"one", b"two")
    assert invoked.kind == "response"
    assert invoked.answer
    assert invoked.answer.header("lambda-runtime-function-response-mode") == "streaming"
    assert (invoked.answer.header("content-type") or "").startswith("application/vnd.awslambda")
    prelude, nuls, body = invoked.content.partition(NULS)
    assert nuls and body == b"gone"
    assert json.loads(prelude)["statusCode"] == 504


def test_status_after_on_a_plain_stream(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, STATUS="504", STATUS_WHEN="after")
    invoked = streamed(api, address, b"one", b"two", http=False)
    assert NULS not in invoked.content
    assert invoked.json["statusCode"] == 504


def test_status_after_on_an_error_reported_as_a_stream(api: RuntimeApi, proxied: Proxied) -> None:
    """The status is a response, wherever the function's own report was bound."""
    address = proxied(api, STATUS="504", STATUS_WHEN="after")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        head = stream_head(invoked.request_id, echo(event)).replace(b"/response", b"/error")
        assert runtime.ask(head + chunked(b"{}")).status == 202
    assert invoked.result().kind == "response"
    assert invoked.json["statusCode"] == 504


# -- rewriting faults -----------------------------------------------------------------------------


def test_headers(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, HEADERS='{"x-a":null,"X-B":"2"}')
    answer = outcome(api, address)
    assert answer == {**HTTP, "headers": {"Content-Type": "text/plain", "X-B": "2"}}
    assert [(line["fault"], line["headers"]) for line in logged()] == [("headers", 2)]


@pytest.mark.parametrize("body", [b"", b"null", b"[1, 2]", b'"x"', b"\xff\x00", b'{"a":  1}'])
@pytest.mark.parametrize("chunks", [True, False])
def test_a_fault_that_does_not_apply(
    api: RuntimeApi, proxied: Proxied, logged: Logged, body: bytes, chunks: bool
) -> None:
    address = proxied(api, HEADERS='{"x-a":null}', HEADERS_MAX="1")
    for _ in range(3):
        invoked = api.invoke()
        with Runtime(address) as runtime:
            event = runtime.next()
            request = posted(invoked.request_id, "response", echo(event) + b"x-Y:  z\r\n", body)
            if chunks:
                head, _, _ = request.partition(b"Content-Length")
                request = head + b"Transfer-Encoding: chunked\r\n\r\n"
                request += chunked(*[body] * bool(body), trailers=b"X-T: 1\r\n")
            assert runtime.ask(request).status == 202
            answer = invoked.result().answer
        assert answer
        if chunks:
            assert (answer.content, answer.trailers) == (body, [(b"x-t", b"1")])
        else:
            assert answer.content == body
            assert sorted(answer.head.split(b"\r\n")) == sorted(
                request[: len(request) - len(body)].split(b"\r\n")
            )
    assert not logged()
    assert outcome(api, address)["headers"] == {"Content-Type": "text/plain"}
    assert len(logged("fault_injected")) == 1
    assert outcome(api, address) == HTTP  # MAX is used up now


@pytest.mark.parametrize(
    ("mode", "body"), [("truncate", "he"), ("garble", "\ufffde\ufffdl\ufffd"), ("replace", "R")]
)
def test_corruption(
    api: RuntimeApi, proxied: Proxied, logged: Logged, mode: str, body: str
) -> None:
    address = proxied(api, CORRUPTION=mode, CORRUPTION_BODY="R")
    assert outcome(api, address) == {**HTTP, "body": body}
    assert [line["fault"] for line in logged()] == ["corruption"]


def test_rewriting_faults_leave_error_reports_alone(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, HEADERS='{"x":"y"}', CORRUPTION="garble", CORRUPTION_MAX="1")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        assert runtime.fail(runtime.next(), b'{"errorMessage": "m"}').status == 202
    assert invoked.result().content == b'{"errorMessage": "m"}'
    assert not logged()
    assert outcome(api, address)["body"] != HTTP["body"]


def test_an_answer_too_large_to_hold_is_left_alone(api: RuntimeApi, proxied: Proxied) -> None:
    """Whether its length is announced or not; upstream refuses it either way."""
    address = proxied(api, CORRUPTION="truncate", CORRUPTION_MAX="1")
    body = json.dumps({**HTTP, "body": "x" * (8 << 20)}).encode()
    for chunks in (True, False):
        invoked = api.invoke()
        with Runtime(address) as runtime:
            event = runtime.next()
            if chunks:
                head = stream_head(invoked.request_id, echo(event)).replace(b"streaming", b"none")
                said = runtime.ask(
                    head + chunked(*[body[i : i + 9999] for i in range(0, len(body), 9999)])
                )
            else:
                said = runtime.respond(event, body)
            assert said.status == 413
    assert outcome(api, address)["body"] == "he"


def test_a_rewritten_answer_that_upstream_refuses(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, HEADERS=json.dumps({"x": "y" * 1000}))
    body = json.dumps({**HTTP, "body": "x" * ((6 << 20) - 500)}).encode()
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        assert runtime.respond(event, body).status == 413
    with Runtime(address) as runtime:
        assert runtime.fail(event).status == 202
    assert invoked.result().kind == "error"
    assert outcome(api, address)["headers"]["x"]


def test_expect_continue_with_a_fault(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, CORRUPTION="replace", CORRUPTION_BODY="R")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        request = posted(
            invoked.request_id, "response", echo(event) + b"Expect: 100-continue\r\n", PAYLOAD
        )
        runtime.wire.send(request[: -len(PAYLOAD)])
        assert runtime.wire.through(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        runtime.wire.send(PAYLOAD)
        said = runtime.wire.response()
    assert (said.status, said.interim) == (202, [])
    assert invoked.result().json["body"] == "R"


# -- several at once, and none --------------------------------------------------------------------


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
        "status",
        "corruption",
        "headers",
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
    api.invoke(deadline_ms=near(0.05))
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
