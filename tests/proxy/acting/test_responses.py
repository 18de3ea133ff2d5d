"""Faults that rewrite, several at once, and what is not to happen, end to end."""

from __future__ import annotations

import json
import threading
import time

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import NEXT, Runtime, chunked, echo, posted, stream_head
from fakes.runtime_api import RuntimeApi
from fakes.turns import HTTP, PAYLOAD, near, outcome, run

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
    assert not logged("fault_injected")
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
    assert not logged("fault_injected")
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
