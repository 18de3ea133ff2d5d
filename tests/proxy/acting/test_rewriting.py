"""Faults that rewrite, several at once, and what is not to happen, end to end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fakes.proxied import Address, Logged, Proxied
from fakes.runtime import Runtime, chunked, echo, posted, stream_head
from fakes.runtime_api import Invocation, RuntimeApi
from fakes.turns import HTTP, PAYLOAD, outcome
from faultlayer.acting import rewriting
from faultlayer.acting.responses import PIECE
from faultlayer.environment import memory

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


# -- answers that memory has no room for ----------------------------------------------------------


def answered(api: RuntimeApi, address: Address, body: bytes, *, chunks: bool) -> Invocation:
    """One invocation whose function answers this, sized or in chunks with a trailer."""
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        if chunks:
            head = stream_head(invoked.request_id, echo(event)).replace(b"streaming", b"none")
            pieces = [body[at : at + 300_000] for at in range(0, len(body), 300_000)]
            said = runtime.ask(head + chunked(*pieces, trailers=b"X-T: 1\r\n"))
        else:
            said = runtime.respond(event, body)
        assert said.status == 202
    return invoked.result()


def no_room_to_receive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0)


def no_room_for_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(content: int | bytes | bytearray) -> bytes:
        if isinstance(content, bytearray) and len(content) > PIECE:
            raise MemoryError
        return bytes(content)

    monkeypatch.setattr(rewriting, "bytes", copy, raising=False)


@pytest.mark.parametrize("short", [no_room_to_receive, no_room_for_a_copy])
@pytest.mark.parametrize("chunks", [True, False])
def test_an_answer_that_memory_has_no_room_for_passes_byte_for_byte(
    api: RuntimeApi,
    proxied: Proxied,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    short: Callable[[pytest.MonkeyPatch], None],
    chunks: bool,
) -> None:
    """Each fault that would rewrite it says so; none counts, so each acts when there is room."""
    address = proxied(
        api, CORRUPTION="truncate", CORRUPTION_MAX="1", HEADERS='{"x":"y"}', HEADERS_MAX="1"
    )
    body = json.dumps({**HTTP, "body": "".join(map(str, range(500_000)))}).encode()
    with monkeypatch.context() as patch:
        short(patch)
        invoked = answered(api, address, body, chunks=chunks)
    assert invoked.content == body
    assert invoked.answer
    assert invoked.answer.trailers == [(b"x-t", b"1")] * chunks
    lines = logged()
    assert [(line["event"], line["message"], line["request_id"]) for line in lines] == [
        ("internal_error", "MemoryError", invoked.request_id)
    ] * 2
    assert {line["fault"] for line in lines} == {"corruption", "headers"}
    rewritten = answered(api, address, body, chunks=chunks).json
    assert rewritten["headers"]["x"] == "y"
    assert len(rewritten["body"]) < len(json.loads(body)["body"])
    assert [line["event"] for line in logged()] == ["fault_injected"] * 2
