"""A fault that did nothing is not logged as injected and does not count: every fault, every shape.

What a caller and a function can see of an invocation is compared with what they would have seen
without any fault. If nothing differs, no injection may be told, and one line says why.
"""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from failing import Lines, api, every_fault, lines, variables_of

from fakes.proxied import Address, soon, start
from fakes.runtime import HTTP_STREAM, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PRELUDE, near
from faultlayer.vocabulary.registry import Fault

__all__ = ["api", "lines"]  # fixtures

MAIN = {
    "batch": "1",
    "disk": "1MB",
    "headers": '{"x-own":null}',
    "latency": "60ms",
    "memory": "1MB",
    "oversize": "300B",
    "timeout": "200ms",
}
ENDS = {"timeout": 0.4}  # seconds until the deadline, if a fault waits for it
UNSEEN = {"disk", "memory", "cpu"}  # they hold what neither sees; their own tests look at that
LATE = 0.055  # seconds: less than the shortest delay here
RECORD = {"messageId": "m1", "body": "{}", "eventSource": "aws:sqs"}
EVENTS: dict[str, Any] = {
    "url": {"version": "2.0", "requestContext": {"http": {"method": "GET"}}},
    "sqs": {"Records": [RECORD]},
    "direct": 5,
}
HTTP = {"statusCode": 200, "headers": {"x-own": "1"}, "body": "hello"}
GZIP = {
    **HTTP,
    "headers": {"content-encoding": "gzip"},
    "body": b64encode(gzip.compress(b"hello")).decode(),
    "isBase64Encoded": True,
}


@dataclass
class Said:
    """What the function answers: an answer, an error report, or the pieces of a stream."""

    content: bytes = b""
    error: bool = False
    pieces: tuple[bytes, ...] | None = None
    http: bool = True


ANSWERS = {
    "http": Said(json.dumps(HTTP).encode()),
    "no body": Said(b'{"statusCode":204}'),
    "gzip": Said(json.dumps(GZIP).encode()),
    "null": Said(b"null"),
    "nothing": Said(b""),
    "long": Said(json.dumps({**HTTP, "body": "x" * 400}).encode()),
    "all failed": Said(b'{"batchItemFailures":[{"itemIdentifier":"m1"}]}'),
    "error": Said(b'{"errorType":"E","errorMessage":"m"}', error=True),
    "stream": Said(pieces=(PRELUDE + NULS, b"hello")),
    "stream without a body": Said(pieces=(PRELUDE + NULS,)),
    "plain stream": Said(pieces=(b"hello",), http=False),
    "empty stream": Said(pieces=(), http=False),
}


def ways(fault: Fault) -> Iterator[dict[str, str]]:
    """Its options by default, and each word of each; after the function if it may be."""
    main = {fault.main.name: MAIN.get(fault.name, fault.main.kind.example)}
    after = {"when": "after"} if any(option.name == "when" for option in fault.options) else {}
    yield {**main, **after}
    for option in (fault.main, *fault.options):
        for word in getattr(option.kind, "words", ()):
            if option.name not in ("when", "moment"):
                yield {**main, **after, option.name: word}


def invoked(
    api: RuntimeApi, address: Address, event: bytes, said: Said, ends: float
) -> tuple[bool, bool]:
    """One invocation; whether anything differs from what it would have been, and if it was late."""
    begun = time.monotonic()
    given = api.invoke(event, deadline_ms=near(ends))
    deliveries, waited = [], 0.0
    with Runtime(address) as runtime:
        while not given.done.is_set():
            got = runtime.next()
            deliveries.append(got.content)
            if said.error:
                runtime.fail(got, said.content)
            elif said.pieces is None:
                runtime.respond(got, said.content)
            else:
                headers = HTTP_STREAM if said.http else b"Content-Type: text/plain\r\n"
                runtime.stream(got, *said.pieces, headers=headers)
            pause = 0.2 if len(deliveries) > 1 else 0.02
            waited += 0 if given.done.wait(pause) else pause
    result = given.result()
    expected = said.content if said.pieces is None else b"".join(said.pieces)
    kind = "error" if said.error else "response"
    late = time.monotonic() - begun - waited > LATE
    same = (result.kind, result.content, deliveries) == (kind, expected, [event])
    return not same, late


@every_fault
@pytest.mark.parametrize("event", EVENTS)
def test_what_did_nothing_is_not_told_as_done(
    api: RuntimeApi, lines: Lines, monkeypatch: pytest.MonkeyPatch, fault: Fault, event: str
) -> None:
    content = json.dumps(EVENTS[event]).encode()
    for way in ways(fault):
        for name, said in ANSWERS.items():
            monkeypatch.setattr("faultlayer.targeting.injection._logged", set())
            address = start(api.address, variables_of(fault, {**way, "max": "1"}))
            changed, late = invoked(api, address, content, said, ENDS.get(fault.name, 30))
            told: list[dict[str, Any]] = []

            def is_told(told: list[dict[str, Any]] = told, name: str = fault.name) -> bool:
                # A proxy of an earlier test may still have something to say.
                told.extend(line for line in lines() if line.get("fault") == name)
                return bool(told)

            assert soon(is_told), "a status: once Lambda has accepted it"
            assert len(told) == 1, told
            line = told[0]
            about = (fault.name, way, event, name, line)
            if line["event"] == "fault_not_applied":
                assert not changed, about
                assert line["message"], about
            else:
                assert line["event"] == "fault_injected", about
                assert changed or fault.name in UNSEEN or (late and "delay_ms" in line), about


@every_fault
def test_what_did_nothing_does_not_count(
    api: RuntimeApi, lines: Lines, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """With `MAX=1` the first that does something is still hit after many that did nothing."""
    if fault.name in UNSEEN:
        return
    way = next(ways(fault))
    address = start(api.address, variables_of(fault, {**way, "max": "1"}))
    done = 0
    for event in EVENTS.values():
        for said in ANSWERS.values():
            invoked(api, address, json.dumps(event).encode(), said, ENDS.get(fault.name, 30))
            done += len([line for line in lines() if line["event"] == "fault_injected"])
    assert done <= 1
    elsewhere = fault.aims_at_hosts or fault.name in ("crash",)
    assert done == 1 or elsewhere, "no process of this test is killed, or connects"
