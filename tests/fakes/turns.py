"""Whole invocations through a proxy, from the event to what the caller gets."""

from __future__ import annotations

import json
import time
from typing import Any

from fakes.proxied import Address
from fakes.runtime import HTTP_STREAM, Runtime
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


def near(seconds: float) -> int:
    """A deadline so far from now, in milliseconds since the epoch."""
    return int((time.time() + seconds) * 1000)
