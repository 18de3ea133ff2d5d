"""The route table: each request of the Runtime API, and what resembles one."""

from __future__ import annotations

import pytest

from faultlayer.routes import ERROR, EXTENSION, OTHER, POLL, RESTORE, RESULT, route

VERSION = b"/2018-06-01/runtime/"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET " + VERSION + b"invocation/next HTTP/1.1", (POLL, "")),
        (b"POST " + VERSION + b"invocation/8476a536/response HTTP/1.1", (RESULT, "8476a536")),
        (b"POST " + VERSION + b"invocation/8476a536/error HTTP/1.1", (ERROR, "8476a536")),
        (b"GET " + VERSION + b"restore/next HTTP/1.1", (RESTORE, "")),
        (b"POST /2020-01-01/extension/register HTTP/1.1", (EXTENSION, "")),
        (b"GET /2020-01-01/extension/event/next HTTP/1.1", (EXTENSION, "")),
    ],
)
def test_each_route(line: bytes, expected: tuple[bytes, str]) -> None:
    assert route(line + b"\r\nHost: x\r\n\r\n") == expected


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1",
        b"POST " + VERSION + b"invocation/next HTTP/1.1",
        b"GET " + VERSION + b"invocation/next/ HTTP/1.1",
        b"GET " + VERSION + b"invocation/nextdoor HTTP/1.1",
        b"HEAD " + VERSION + b"invocation/next HTTP/1.1",
        b"POST " + VERSION + b"init/error HTTP/1.1",
        b"POST " + VERSION + b"restore/error HTTP/1.1",
        b"POST " + VERSION + b"invocation/8476a536/other HTTP/1.1",
        b"POST " + VERSION + b"invocation/8476a536/response/more HTTP/1.1",
        b"POST " + VERSION + b"invocation/8476a536",
        b"GET /2020-01-01/runtime/invocation/next HTTP/1.1",
        b"GET /2022-07-01/telemetry HTTP/1.1",
    ],
)
def test_anything_else_passes(line: bytes) -> None:
    assert route(line) == (OTHER, "")
