"""Large messages, early answers, and upstreams that close or say more than was asked."""

from __future__ import annotations

import os
import threading
import time

import pytest

from fakes.proxied import Proxied
from fakes.runtime import IDS, LARGE, NEXT, RESPONSE, Runtime, chunked, posted, well
from fakes.runtime_api import LIMIT, RuntimeApi
from fakes.scripted import ACCEPTED, OK, Conn, Server
from fakes.wire import Broken, Wire

# -- large messages -------------------------------------------------------------------------------


@pytest.mark.parametrize("reads_first", [True, False])
def test_expect_continue(proxied: Proxied, upstream: Server, reads_first: bool) -> None:
    """The client sends its body only once upstream has said that it may."""
    told = threading.Event()

    def script(conn: Conn) -> None:
        head = conn.head()
        assert head is not None
        if reads_first:
            assert conn.silent(0.1)
        told.set()
        conn.send(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n")
        assert conn.body(head).content == b"abc"
        conn.send(ACCEPTED)

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        client.send(RESPONSE.split(b"Content-Length")[0] + b"Expect: 100-continue\r\n")
        client.send(b"Content-Length: 3\r\n\r\n")
        assert client.through(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"
        assert told.is_set()
        client.send(b"abc")
        assert client.response().raw == ACCEPTED


def test_expect_refused(proxied: Proxied, upstream: Server) -> None:
    """A final answer in place of 100 reaches the client, which keeps its body."""
    refusal = b"HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def script(conn: Conn) -> None:
        conn.head()
        conn.send(refusal)

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        client.send(RESPONSE.split(b"Content-Length")[0] + b"Expect: 100-continue\r\n")
        client.send(b"Content-Length: 3\r\n\r\n")
        assert client.response().raw == refusal
        assert client.ended(3)


def test_largest_bodies_pass_both_ways(proxied: Proxied, upstream: Server) -> None:
    body = os.urandom(1 << 20) * 6 + b"x" * 100
    assert len(body) == LIMIT
    upstream.answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        if request.method == b"GET"
        else ACCEPTED
    )
    with Runtime(proxied(upstream)) as runtime:
        for _ in range(2):
            assert runtime.ask(NEXT).content == body
            assert runtime.ask(posted("1", "response", b"", body)).raw == ACCEPTED
    assert upstream.requests[3].content == body
    assert len(upstream.conns) == 1


def test_413_reaches_the_runtime_although_upstream_closes_early(
    proxied: Proxied, api: RuntimeApi
) -> None:
    invocations = [api.invoke() for _ in range(6)]
    address = proxied(api)
    for invocation in invocations:
        with Runtime(address) as runtime:
            event = runtime.next()
            assert runtime.respond(event, b"x" * (LIMIT + 1)).status == 413
        with Runtime(address) as runtime:
            assert runtime.fail(event).status == 202
        assert invocation.result().kind == "error"


def test_an_early_answer_does_not_end_the_request(proxied: Proxied, upstream: Server) -> None:
    """Upstream answers after the head and reads on: both pass to their ends."""
    answered = threading.Event()

    def script(conn: Conn) -> None:
        while head := conn.head():
            conn.send(b"HTTP/1.1 202 A\r\nContent-Length: 4\r\n\r\nfi")
            assert answered.wait(5)
            conn.body(head)
            conn.requests.append(head)
            conn.send(b"rm")

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        for _ in range(2):
            answered.clear()
            client.send(LARGE[:300_000])
            assert client.through(b"fi").startswith(b"HTTP/1.1 202")
            answered.set()
            client.send(LARGE[300_000:])
            assert client.take(2) == b"rm"
    assert [got.raw for got in upstream.requests] == [LARGE, LARGE]


@pytest.mark.parametrize("chunked_body", [False, True])
def test_an_answer_to_a_head_alone_that_leaves_the_body_unread(
    proxied: Proxied, upstream: Server, chunked_body: bool
) -> None:
    """Upstream never reads the body and never closes; the client sees the answer all the same."""
    refusal = b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"
    release = threading.Event()

    def script(conn: Conn) -> None:
        conn.head()
        conn.send(refusal)
        release.wait(10)

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        body = chunked(b"x" * 200_000) if chunked_body else b"x" * 200_000
        kind = b"Transfer-Encoding: chunked" if chunked_body else b"Content-Length: 64000000"
        client.send(b"POST /x HTTP/1.1\r\n" + kind + b"\r\n\r\n", body[:150_000])
        assert client.take(len(refusal)) == refusal
    release.set()


def test_a_megabyte_of_headers_both_ways(proxied: Proxied, upstream: Server) -> None:
    lines = b"".join(b"X-%d: %b\r\n" % (at, b"v" * 1000) for at in range(1024))
    answer = b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok" % lines
    upstream.answer = lambda request: answer
    request = NEXT.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n")
    with Runtime(proxied(upstream)) as runtime:
        for _ in range(3):
            assert runtime.ask(request).raw == answer
    assert [got.raw for got in upstream.requests] == [request] * 3


# -- upstreams that misbehave ---------------------------------------------------------------------


@pytest.mark.parametrize("first", [NEXT, RESPONSE, LARGE], ids=IDS)
@pytest.mark.parametrize("then", [NEXT, RESPONSE, LARGE], ids=IDS)
def test_upstream_closes_idle_connections(
    proxied: Proxied, upstream: Server, first: bytes, then: bytes
) -> None:
    def script(conn: Conn) -> None:
        conn.request()
        conn.send(OK)

    upstream.script = script
    with Runtime(proxied(upstream)) as runtime:
        assert runtime.ask(first).raw == OK
        for turn in range(3):
            assert upstream.conns[turn].over.wait(5)
            assert runtime.ask(then).raw == OK
    assert [request.raw for request in upstream.requests] == [first, then, then, then]


@pytest.mark.parametrize("first", [NEXT, RESPONSE], ids=IDS[:2])
@pytest.mark.parametrize("then", [NEXT, RESPONSE], ids=IDS[:2])
@pytest.mark.parametrize("reset", [True, False])
def test_upstream_closes_just_as_a_request_arrives(
    proxied: Proxied, upstream: Server, first: bytes, then: bytes, reset: bool
) -> None:
    def script(conn: Conn) -> None:
        if conn.index == 0:
            conn.request()
            conn.send(OK)
            conn.request()
            if reset:
                conn.reset()
        else:
            upstream.serve(conn)

    upstream.script = script
    with Runtime(proxied(upstream)) as runtime:
        assert runtime.ask(first).raw == OK
        assert runtime.ask(then).raw == OK
        assert runtime.ask(then).raw == OK
    assert [got.raw for got in upstream.conns[1].requests] == [then, then]


def test_upstream_closes_while_a_large_request_begins(proxied: Proxied, upstream: Server) -> None:
    """The connection broke off before the client was asked for more: it is sent again."""

    def script(conn: Conn) -> None:
        if conn.index == 0:
            conn.request()
            conn.send(OK)
            conn.head()
            conn.reset()
        else:
            upstream.serve(conn)

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        client.send(NEXT)
        assert client.response().raw == OK
        client.send(LARGE[:1000])
        assert upstream.conns[0].over.wait(5)
        time.sleep(0.05)
        client.send(LARGE[1000:])
        assert client.response().raw == OK
    assert upstream.requests[-1].raw == LARGE


def test_an_idle_upstream_connection_that_said_something_is_not_used_again(
    proxied: Proxied, upstream: Server
) -> None:
    def script(conn: Conn) -> None:
        conn.request()
        conn.send(OK)
        conn.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", pause=0.01)

    upstream.script = script
    address = proxied(upstream)
    for turn in range(3):
        with Runtime(address) as runtime:
            assert runtime.ask(NEXT).raw == OK
        assert upstream.conns[turn].over.wait(5)
        time.sleep(0.05)


def test_bytes_beyond_an_answer_are_never_taken_for_the_next(
    proxied: Proxied, upstream: Server
) -> None:
    upstream.answer = lambda request: OK + b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n"
    with Runtime(proxied(upstream)) as runtime:
        for request in (NEXT, NEXT, RESPONSE, NEXT, LARGE, RESPONSE):
            assert runtime.ask(request).raw == OK


def test_upstream_out_of_reach_and_back(proxied: Proxied, upstream: Server) -> None:
    address = proxied(upstream)
    well(address)
    upstream.close()
    for request in (NEXT, RESPONSE, LARGE):
        with Wire.to(address) as client:
            try:
                client.send(request)
            except ConnectionError:
                continue  # as quickly as a connection is refused
            assert client.rest() == b""
    upstream.open()
    well(address)


def test_upstream_dies_in_mid_answer(proxied: Proxied, upstream: Server) -> None:
    def script(conn: Conn) -> None:
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc")

    upstream.script = script
    address = proxied(upstream)
    with Wire.to(address) as client:
        client.send(NEXT)
        with pytest.raises(Broken):
            client.response()
    upstream.script = upstream.serve
    well(address)
