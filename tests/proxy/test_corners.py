"""Corners of HTTP: replies that end with the connection, clients of HTTP/1.0 and half-closed ones.

Each with every fault that reads, changes, makes or delays an event or an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import NEXT, Runtime, echo, posted
from fakes.runtime_api import Invocation, RuntimeApi
from fakes.scripted import Conn
from fakes.turns import PAYLOAD
from fakes.wire import Message

LONG = "x" * 100_000
FAULTS: dict[str, dict[str, str]] = {
    "none due": {"LATENCY": "1ms", "LATENCY_RATE": "0.000000000000001"},
    "latency": {"LATENCY": "20ms"},
    "latency after": {"LATENCY": "20ms", "LATENCY_WHEN": "after"},
    "timeout": {"TIMEOUT": "59.5s"},
    "event": {"EVENT": '{"a":2}'},
    "duplicate": {"DUPLICATE": "3"},
    "exception": {"EXCEPTION": "E: text", "EXCEPTION_MAX": "1"},
    "exception after": {"EXCEPTION": "E: text", "EXCEPTION_WHEN": "after"},
    "status": {"STATUS": "503", "STATUS_BODY": LONG, "STATUS_MAX": "1"},
    "status after": {"STATUS": "503", "STATUS_BODY": LONG, "STATUS_WHEN": "after"},
    "corruption": {"CORRUPTION": "replace"},
    "headers": {"HEADERS": '{"x":"y"}'},
    "batch": {"BATCH": "1"},
    "oversize": {"OVERSIZE": "100KB"},
}
SQS = b'{"Records":[{"messageId":"m","eventSource":"aws:sqs"}]}'


class Closing(RuntimeApi):
    """Ends each reply with its connection, as servers of HTTP/1.0 do."""

    def _answer(self, conn: Conn, request: Message) -> bytes | None:
        answer = super()._answer(conn, request)
        if answer is not None:
            conn.send(re.sub(rb"Content-Length: \d+\r\n", b"", answer, count=1))
        return None


@pytest.fixture(params=[RuntimeApi, Closing], ids=["sized", "closing"])
def lambda_(request: pytest.FixtureRequest) -> Iterator[RuntimeApi]:
    with request.param() as server:
        yield server
    assert not server.errors
    assert not server.doubled


def exchange(address: tuple[str, int], request: bytes, client: str) -> Message:
    """One request on a connection of its own, by such a client."""
    if client == "HTTP/1.0":
        request = request.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
    with Runtime(address) as runtime:
        runtime.wire.send(request)
        if client == "half-closed":
            runtime.wire.finish()
        return runtime.wire.response()


def judge(name: str, invoked: Invocation, runs: int) -> None:
    """What the caller gets."""
    answer: Any = invoked.json
    if name.startswith("exception"):
        assert (invoked.kind, answer["errorType"]) == ("error", "E")
    elif name.startswith("status"):
        assert (answer["statusCode"], answer["body"]) == (503, LONG)
    elif name == "corruption":
        assert (answer["statusCode"], answer["body"] == "hello") == (200, False)
    elif name == "headers":
        assert answer["headers"]["x"] == "y"
    elif name == "batch":
        assert answer["batchItemFailures"] == [{"itemIdentifier": "m"}]
    elif name == "oversize":
        assert len(invoked.content) == 100 << 10
    else:
        assert invoked.content == PAYLOAD
    assert runs == (3 if name == "duplicate" else 0 if name in ("exception", "status") else 1)


@pytest.mark.parametrize("client", ["HTTP/1.1", "HTTP/1.0", "half-closed"])
def test_every_fault_with_such_clients_and_replies(
    lambda_: RuntimeApi, proxied: Proxied, logged: Logged, client: str
) -> None:
    for name, faults in FAULTS.items():
        address = proxied(lambda_, **faults)
        event = SQS if name == "batch" else b'{"a":1}'
        invoked, runs = lambda_.invoke(event), 0
        following = lambda_.invoke(b'"following"') if name in ("exception", "status") else None
        while not invoked.done.is_set() or (following and not following.done.is_set()):
            got = exchange(address, NEXT, client)
            assert got.status == 200, name
            if got.content != b'"following"':
                runs += 1
                assert got.content == (event.replace(b"1", b"2") if name == "event" else event)
            result = posted(Runtime.id_of(got), "response", echo(got), PAYLOAD)
            assert exchange(address, result, client).status == 202, name
        judge(name, invoked, runs)
        lines = logged()
        hit = [] if name == "none due" else [("fault_injected", name.split()[0])]
        assert [(line["event"], line.get("fault")) for line in lines] == hit, name


BROKEN = [
    b"Content-Length: 90000\r\n\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nde",
]
AFTER = ["none due", "duplicate", "corruption", "headers", "batch", "oversize"]


@pytest.mark.parametrize("body", BROKEN, ids=["sized", "chunked"])
def test_an_answer_that_breaks_off_breaks_off_at_lambda(
    api: RuntimeApi, proxied: Proxied, logged: Logged, body: bytes
) -> None:
    """At once, since a runtime that goes on is not noticed otherwise before the deadline."""
    for name in AFTER:
        with Runtime(proxied(api, **FAULTS[name])) as runtime:
            invoked = api.invoke()
            event = runtime.next()
            head, _, _ = posted(invoked.request_id, "response", echo(event), b"").partition(b"Cont")
            runtime.wire.send(head + body)
            assert runtime.wire.silent(0.05)
        conn = next(conn for conn in reversed(api.conns) if b"/response " in conn.received)
        assert b"abc" in conn.received, name
        assert conn.over.wait(5), name
        assert not invoked.done.is_set(), name
    assert not logged("fault_injected")


@pytest.mark.parametrize("name", ["status after", "exception after"])
def test_nothing_is_sent_in_the_place_of_one_that_breaks_off(
    api: RuntimeApi, proxied: Proxied, logged: Logged, name: str
) -> None:
    """The runtime has failed: what becomes of the invocation is Lambda's to say."""
    with Runtime(proxied(api, **FAULTS[name])) as runtime:
        invoked = api.invoke()
        event = runtime.next()
        head, _, _ = posted(invoked.request_id, "response", echo(event), b"").partition(b"Cont")
        runtime.wire.send(head + BROKEN[0])
    assert not invoked.done.wait(0.5)
    assert not logged("fault_injected")
