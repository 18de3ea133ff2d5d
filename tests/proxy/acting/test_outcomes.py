"""Terminal faults: what the caller gets, what the runtime notices, what is logged."""

from __future__ import annotations

import json

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import NEXT, Runtime, chunked, echo, stream_head
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PAYLOAD, PRELUDE, run, streamed


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
