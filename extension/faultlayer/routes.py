"""The requests of the Runtime API: a pure table.

    GET  …/runtime/invocation/next             POLL     for the next event
    POST …/runtime/invocation/{id}/response    RESULT   the function's answer
    POST …/runtime/invocation/{id}/error       ERROR    the function's error
    GET  …/runtime/restore/next                RESTORE  after the environment was restored
    any  /2020-01-01/extension/…               EXTENSION  an extension's own: it passes as it is
    anything else                              OTHER    passes as it is

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

from faultlayer.http import runtime_api
from faultlayer.http.runtime_api import INVOCATION, NEXT, RESTORED, target

POLL = b"poll"
RESULT = runtime_api.RESPONSE
ERROR = runtime_api.ERROR
RESTORE = b"restore"
EXTENSION = b"extension"
OTHER = b""
_EXTENSIONS = b"/2020-01-01/extension/"
_SHOWN = 64  # bytes that show whose path it is
_WITHOUT_ID = ((NEXT, POLL), (RESTORED, RESTORE))


def route(line: bytes) -> tuple[bytes, str]:
    """The kind of a request that begins with this line, and the request id in its path, if any."""
    if line.startswith(INVOCATION):
        request_id, kind = target(line)
        return (kind, request_id) if kind in (RESULT, ERROR) else (OTHER, "")
    for start, kind in _WITHOUT_ID:
        if line.startswith(start):
            return kind, ""
    _, _, path = line[:_SHOWN].partition(b" ")
    return (EXTENSION if path.startswith(_EXTENSIONS) else OTHER), ""
