"""Answers that are padded, end to end: buffered, streamed, over the limit, in little memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes.proxied import Extension, Logged, Proxied, soon
from fakes.runtime import Runtime, chunked, echo, stream_head
from fakes.runtime_api import RuntimeApi
from fakes.turns import HTTP, NULS, PAYLOAD, PRELUDE, outcome, run, streamed


@pytest.mark.parametrize("size", [2000, 100_000, 6_000_000])
def test_buffered_answers(api: RuntimeApi, proxied: Proxied, logged: Logged, size: int) -> None:
    address = proxied(api, OVERSIZE=str(size))
    for body in (PAYLOAD, b"null", b'{"a":1}'):
        invoked, _ = run(api, address, body)
        assert len(invoked.content) == size
        padded, plain = invoked.json, json.loads(body)
        if body == PAYLOAD:
            padded["body"] = padded["body"].rstrip()
        assert padded == plain
    assert [line["size"] for line in logged("fault_injected")] == [size] * 3


def test_an_answer_in_chunks_keeps_its_trailer(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, OVERSIZE="100KB")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        head = stream_head(invoked.request_id, echo(runtime.next())).replace(b"streaming", b"none")
        assert runtime.ask(head + chunked(b"nu", b"ll", trailers=b"X-T: 1\r\n")).status == 202
    assert invoked.result().content == b"null" + b" " * (102_400 - 4)
    assert invoked.answer
    assert invoked.answer.trailers == [(b"x-t", b"1")]


def test_over_the_limit_upstream_s_refusal_reaches_the_runtime(
    api: RuntimeApi, proxied: Proxied
) -> None:
    address = proxied(api, OVERSIZE="200MB", OVERSIZE_MAX="1")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        assert runtime.respond(event, PAYLOAD).status == 413
    with Runtime(address) as runtime:
        assert runtime.fail(event).status == 202
    assert invoked.result().kind == "error"
    assert outcome(api, address) == HTTP


def test_streams(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, OVERSIZE="1MB")
    prelude = b'{"statusCode":200,"headers":{"Content-Length":"3","x":"y"}}'
    invoked = streamed(api, address, prelude + NULS, b"abc")
    assert len(invoked.content) == 1 << 20
    assert invoked.content.rstrip(b" ").endswith(NULS + b"abc")
    assert json.loads(invoked.content.partition(NULS)[0])["headers"] == {"x": "y"}
    assert invoked.answer
    assert invoked.answer.trailers == [(b"x-t", b"end")]
    assert streamed(api, address, b"abc", http=False).content == b"abc".ljust(1 << 20)
    long = [b"x" * 100_000] * 11
    assert streamed(api, address, *long, http=False).content == b"".join(long)
    assert len(logged("fault_injected")) == 2


def test_it_comes_last(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(
        api,
        OVERSIZE="10KB",
        STATUS="503",
        STATUS_WHEN="after",
        CORRUPTION="truncate",
        DUPLICATE="2",
    )
    invoked = api.invoke()
    with Runtime(address) as runtime:
        for _ in range(2):
            assert runtime.respond(runtime.next(), PAYLOAD).status == 202
    assert len(invoked.result().content) == 10240
    assert invoked.json["statusCode"] == 503
    faults = [line["fault"] for line in logged()]
    assert faults == ["duplicate", "corruption", "oversize", "status"]
    invoked = streamed(
        api, proxied(api, OVERSIZE="10KB", STATUS="503", STATUS_WHEN="after"), PRELUDE
    )
    assert len(invoked.content) == 10240
    assert json.loads(invoked.content.partition(NULS)[0])["statusCode"] == 503


def test_not_at_all(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, OVERSIZE="10B", OVERSIZE_MAX="1")
    assert run(api, address, PAYLOAD)[0].content == PAYLOAD, "as long already"
    invoked = api.invoke()
    with Runtime(address) as runtime:
        assert runtime.fail(runtime.next(), b"{}").status == 202
    assert invoked.result().content == b"{}"
    assert not logged("fault_injected")
    assert run(api, address, b"1")[0].content == b"1" + b" " * 9
    assert run(api, proxied(api, OVERSIZE="9B", DRY_RUN="true"), b"1")[0].content == b"1"
    assert [line["event"] for line in logged()] == ["fault_injected", "fault_dry_run"]


def test_in_constant_memory(api: RuntimeApi, tmp_path: Path) -> None:
    host, port = api.address
    with Extension(f"{host}:{port}", tmp_path, FAULTLAYER_OVERSIZE="100MB") as extension:
        assert soon(lambda: extension.path.exists() and extension.path.read_text())
        before = extension.status("VmHWM")
        invoked = streamed(api, extension.address, PRELUDE + NULS, b"abc")
        assert len(invoked.content) == 100 << 20
        assert extension.status("VmHWM") - before < 4096
        api.shutdown()
