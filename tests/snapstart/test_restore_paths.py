"""restore/next and restore/error pass byte for byte, whatever upstream says and how late.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
"""

from __future__ import annotations

import time

import pytest

from fakes.proxied import NEVER, start
from fakes.scripted import Conn, Server
from fakes.wire import Wire, cut

PATH = b"/2018-06-01/runtime/restore/"
NEXT = b"GET " + PATH + b"next HTTP/1.1\r\nhost: 127.0.0.1:9001\r\nX-Odd:  a  b \r\n\r\n"
BODY = b'{"errorMessage":"no \xe2\x82\xac","errorType":"LookupError","stackTrace":[]}'
ERROR = (
    b"POST " + PATH + b"error HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n"
    b"Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError\r\n"
    b"Lambda-Runtime-Function-XRay-Error-Cause: {}\r\n"
)
SIZED = ERROR + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = ERROR + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nTrailer: yes\r\n\r\n"
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 Fine\r\nx-new: 1\r\nX-NEW: 2\r\ncontent-length: 4\r\n\r\nnull",
    b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\n\x00\xff\r\n\r\n!",
    b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
]


# Armed without a doubt: a restore is no invocation, so no fault may come to it.
@pytest.mark.parametrize("faults", [NEVER, {"FAULTLAYER_STATUS": "503"}], ids=["rare", "always"])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[9:12].decode())
@pytest.mark.parametrize("request_", [NEXT, SIZED, CHUNKED], ids=["next", "error", "chunked"])
def test_both_pass_byte_for_byte(
    upstream: Server, request_: bytes, answer: bytes, faults: dict[str, str]
) -> None:
    def script(conn: Conn) -> None:
        while conn.request():
            conn.send(*cut(answer, (1, 20, len(answer) - 1)), pause=0.002)

    upstream.script = script
    with Wire.to(start(upstream.address, faults)) as wire:
        for _ in range(2):
            wire.received.clear()
            wire.send(*cut(request_, (3, 50, len(request_) - 2)), pause=0.002)
            assert wire.response().raw == answer
            assert bytes(wire.received) == answer
    assert bytes(upstream.conns[0].received) == request_ * 2


def test_the_wait_for_a_restore_ends_with_the_runtime(upstream: Server) -> None:
    """The snapshot is never restored: upstream is told that nobody waits for it any more."""
    ended = []

    def script(conn: Conn) -> None:
        assert conn.request()
        ended.append(conn.ended(5))

    upstream.script = script
    with Wire.to(start(upstream.address)) as wire:
        wire.send(NEXT)
        conn = upstream.wait_for_conn()
        assert wire.silent(0.3)
    assert conn.over.wait(5)
    assert ended == [True]


def test_an_upstream_that_was_exchanged_during_the_snapshot(upstream: Server) -> None:
    """The wait ends without an answer on a connection that had answered before: asked again."""

    def script(conn: Conn) -> None:
        if conn.index == 0:
            assert conn.request()
            conn.send(ANSWERS[0])
            assert conn.request()
            return
        while conn.request():
            conn.send(ANSWERS[1])

    upstream.script = script
    with Wire.to(start(upstream.address)) as wire:
        wire.send(NEXT)
        assert wire.response().raw == ANSWERS[0]
        begun = time.monotonic()
        wire.send(NEXT)
        assert wire.response().raw == ANSWERS[1]
        assert time.monotonic() - begun < 1
    assert [request.raw for request in upstream.requests] == [NEXT] * 3
