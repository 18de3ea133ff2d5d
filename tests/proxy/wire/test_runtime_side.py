"""What clients do wrong, or merely unusually: the connection is dropped, the proxy lives."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from fakes.proxied import Address, Logged, Proxied, soon
from fakes.runtime import LARGE, NEXT, RESPONSE, Runtime, posted, well
from fakes.runtime_api import RuntimeApi
from fakes.scripted import OK, Conn, Server
from fakes.wire import Wire

# -- clients that misbehave -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"hello\r\n\r\n",
        b"\r\n\r\n",
        b"GET /x HTTP/2.0\r\n\r\n",
        b"GET  /x  HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST /x HTTP/1.1\r\nno name\r\nContent-Length : 3\r\n\r\nabc",
        b"\0" * 70_000 + b"\n\r\n",
    ],
)
def test_what_is_no_http_is_dropped(proxied: Proxied, upstream: Server, noise: bytes) -> None:
    address = proxied(upstream)
    with Wire.to(address) as client:
        client.send(noise)
        assert client.ended(5)
    well(address)
    assert all(request.target.startswith("/2018") for request in upstream.requests)


@pytest.mark.parametrize("piece", [100_000, 2000])
def test_a_head_without_end_is_dropped(proxied: Proxied, upstream: Server, piece: int) -> None:
    address = proxied(upstream)
    with Wire.to(address) as client:
        sent = 0
        with pytest.raises(ConnectionError):
            client.send(b"GET /x HTTP/1.1\r\n")
            while sent < 16 << 20:
                client.send(b"A: %b\r\n" % (b"a" * piece))
                sent += piece
        assert sent < 15 << 20
    well(address)
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("head_only", [True, False])
@pytest.mark.parametrize("size", [100, 40_000, 1_000_000])
def test_a_body_shorter_than_its_length_arrives_as_a_broken_request(
    proxied: Proxied, upstream: Server, size: int, head_only: bool
) -> None:
    address = proxied(upstream)
    with Wire.to(address) as client:
        client.send(b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        if not head_only:
            client.send(b"x" * (size - 1))
    well(address)
    assert soon(lambda: sum(not conn.over.is_set() for conn in upstream.conns) <= 1)
    assert all(request.target != "/x" for request in upstream.requests)


def test_a_chunked_body_cut_short_arrives_as_a_broken_request(
    proxied: Proxied, upstream: Server
) -> None:
    address = proxied(upstream)
    with Wire.to(address) as client:
        client.send(b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n")
    assert upstream.wait_for_conn().over.wait(5)
    assert not upstream.requests
    well(address)


@pytest.mark.parametrize("reset", [True, False])
def test_a_client_gone_in_mid_response(proxied: Proxied, upstream: Server, reset: bool) -> None:
    """Upstream is told at once, at whatever moment of its sending that was."""

    def script(conn: Conn) -> None:
        while conn.request():
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n")
            while True:
                conn.send(b"x" * 1_000_000)

    upstream.script = script
    address = proxied(upstream)
    for index in range(20):
        with Wire.to(address) as client:
            client.send(NEXT)
            client.take(100_000)
            if reset:
                client.reset()
        assert upstream.wait_for_conn(index).over.wait(5)
    upstream.script = upstream.serve
    well(address)


def test_a_client_gone_in_a_response_that_stalls(proxied: Proxied, upstream: Server) -> None:
    def script(conn: Conn) -> None:
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\nxyz")
        assert conn.ended(5)

    upstream.script = script
    address = proxied(upstream)
    with Wire.to(address) as client:
        client.send(NEXT)
        client.through(b"xyz")
    assert upstream.conns[0].over.wait(3)
    upstream.script = upstream.serve
    well(address)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("behind", [b"", RESPONSE], ids=["alone", "pipelined"])
def test_a_runtime_that_dies_while_waiting_swallows_no_event(
    proxied: Proxied, api: RuntimeApi, reset: bool, behind: bytes
) -> None:
    address = proxied(api)
    for _ in range(5):
        with Wire.to(address) as client:
            client.send(NEXT + behind)
            assert client.silent(0.03)
            if reset:
                client.reset()
        conn = api.conns[-1]
        assert conn.over.wait(20), "upstream still believes that somebody waits"
    with Runtime(address) as runtime:
        api.invoke()
        runtime.turn()


@pytest.mark.parametrize("upstream_is_slow", [True, False])
@pytest.mark.parametrize(
    "last",
    [RESPONSE, posted("1", "error", b"", b"{}"), LARGE],
    ids=["response", "error", "large"],
)
def test_the_last_words_of_a_runtime_are_delivered(
    proxied: Proxied, upstream: Server, last: bytes, upstream_is_slow: bool
) -> None:
    """A runtime may report and exit without waiting to hear what is said to that."""
    for turn in range(10):
        if upstream_is_slow:

            def script(conn: Conn) -> None:
                while request := conn.request():
                    assert conn.silent(0.1), "broken off"
                    conn.send(upstream.answer(request))

            upstream.script = script
        address = proxied(upstream)
        with Wire.to(address) as client:
            client.send(last)
        assert soon(lambda count=turn: len(upstream.requests) > count)
    assert [request.raw for request in upstream.requests] == [last] * 10
    time.sleep(0.15)


def test_a_client_that_only_half_closes_gets_its_answer(proxied: Proxied, upstream: Server) -> None:
    for request in (RESPONSE, LARGE):
        with Wire.to(proxied(upstream)) as client:
            client.send(request)
            client.finish()
            assert client.response().content == b"ok"
            assert client.ended(5)


# -- what remains ---------------------------------------------------------------------------------


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def abuses(address: Address) -> Iterator[None]:
    """One abused connection after the other, for ever."""
    while True:
        for data in (b"", b"junk\r\n\r\n", NEXT, NEXT[:20], LARGE[:70_000], RESPONSE, NEXT + NEXT):
            for reset in (True, False):
                with Wire.to(address) as client:
                    client.send(data)
                    if reset:
                        client.reset()
                yield


def test_nothing_leaks_after_500_abused_connections(proxied: Proxied, upstream: Server) -> None:
    def script(conn: Conn) -> None:
        while request := conn.request():
            if request.method == b"GET" and len(conn.requests) % 2:
                conn.ended(5)
                return
            conn.send(OK)

    address = proxied(upstream)
    well(address)
    before = descriptors(), threads()
    upstream.script = script
    for _, _ in zip(range(500), abuses(address)):
        pass
    upstream.script = upstream.serve
    upstream.close()
    assert soon(lambda: threads() <= before[1] + 1), (before, threads())
    upstream.open()
    well(address)
    upstream.close()
    # Only upstream connections kept for their next use may remain, and their other ends.
    assert soon(lambda: descriptors() <= before[0] + 70), (before, descriptors())


def test_a_connection_without_a_thread_is_relayed(
    proxied: Proxied, api: RuntimeApi, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """Its invocations pass, however large, and without faults; the next one may find a thread."""
    import _thread

    from faultlayer import proxy

    address = proxied(api, STATUS="503")
    real, attempts = _thread.start_new_thread, [False, False, True]

    class Exhausted:
        @staticmethod
        def start_new_thread(*args: object) -> int:
            if not attempts.pop(0):
                raise RuntimeError("can't start new thread")
            return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(proxy, "_thread", Exhausted)
    with Runtime(address) as first, Runtime(address) as second:
        for runtime in (first, second, first):
            invocation = api.invoke()
            runtime.turn(b"x" * 3_000_000)
            assert invocation.result().content == b"x" * 3_000_000
    (line,) = logged()
    assert line["event"] == "relayed"
    with Runtime(address) as runtime:
        invocation = api.invoke()
        runtime.wire.send(NEXT)
        assert invocation.result().json["statusCode"] == 503


def test_one_that_shuts_its_sending_side_as_it_waits_gets_its_event_if_it_stays(
    proxied: Proxied, api: RuntimeApi
) -> None:
    """Late as well; and one that closes the rest has left: no event is fetched for it."""
    address = proxied(api, LATENCY="100ms", LATENCY_MATCH="late")
    for payload in (b"{}", b'{"late":1}'):
        with Wire.to(address) as client:
            client.send(NEXT)
            client.finish()
            assert client.silent()
            invoked = api.invoke(payload)
            assert client.response().content == payload
            assert client.ended(5)
        with Runtime(address) as runtime:
            told = posted(invoked.request_id, "response", b"", b"1").replace(
                b"Host",
                b"Lambda-Runtime-Invocation-Id: %b\r\nHost" % invoked.invocation_id.encode(),
            )
            assert runtime.ask(told).status == 202
    with Wire.to(address) as client:
        client.send(NEXT)
        client.finish()
        assert client.silent()
        ended = sum(conn.over.is_set() for conn in api.conns)
    assert soon(lambda: sum(conn.over.is_set() for conn in api.conns) > ended)
    with Runtime(address) as runtime:
        invoked = api.invoke()
        runtime.turn()
    assert invoked.result()


def test_a_trickle_delays_no_other(proxied: Proxied, upstream: Server) -> None:
    address = proxied(upstream)
    with Wire.to(address) as slow:
        for at in range(0, len(RESPONSE), 9):
            slow.send(RESPONSE[at : at + 9])
            well(address)
        assert slow.response().content == b"ok"
