"""A Runtime API that stalls, breaks off, lies or talks nonsense.

The outcome is the same each time, with and without faults that read what passes: the runtime gets
what arrived, or an end of its connection, as without the layer; never an event or an answer that
upstream did not give; and the next connection is served.
"""

from __future__ import annotations

import threading

import pytest

from fakes.proxied import Address, Proxied
from fakes.runtime import NEXT, Runtime, posted, well
from fakes.scripted import OK, Conn, Server
from fakes.wire import Broken, Wire

BODY = b'{"order":7}'
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: 8476a536\r\nContent-Length: %d\r\n\r\n"
)
EVENT = HEAD % len(BODY) + BODY
RESPONSE = posted("8476a536", "response", b"", b'{"statusCode":200,"body":"done"}')
ARMED = {
    "nothing due": {},
    "an event read": {"LATENCY": "1ms", "MATCH": "order=8"},
    "an answer rewritten": {"CORRUPTION": "replace", "HEADERS": '{"x-a":"1"}'},
}

every_arming = pytest.mark.parametrize("faults", ARMED.values(), ids=ARMED)


def first_alone(upstream: Server, misbehave: object) -> None:
    """The first connection is misbehaved on; the others are served as they should."""

    def script(conn: Conn) -> None:
        if conn.index == 0:
            misbehave(conn)  # type: ignore[operator]
        else:
            upstream.serve(conn)

    upstream.script = script


# -- stalls ---------------------------------------------------------------------------------------


@every_arming
@pytest.mark.parametrize("at", [0, 1, 40, len(EVENT) - len(BODY), len(EVENT) - 1])
def test_an_event_that_stalls_is_waited_for_and_delays_no_other(
    proxied: Proxied, upstream: Server, faults: dict[str, str], at: int
) -> None:
    stalled, go = threading.Event(), threading.Event()

    def stall(conn: Conn) -> None:
        conn.request()
        conn.send(EVENT[:at])
        stalled.set()
        assert go.wait(10)
        conn.send(EVENT[at:])
        upstream.serve(conn)

    first_alone(upstream, stall)
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert stalled.wait(5)
        with Runtime(address) as other:
            for _ in range(3):
                assert other.ask(NEXT).raw == OK
        go.set()
        assert runtime.wire.response().raw == EVENT
        assert runtime.ask(RESPONSE).raw == OK


@every_arming
@pytest.mark.parametrize("read", [True, False], ids=["answer late", "request unread"])
def test_a_report_that_stalls_is_waited_for_and_delays_no_other(
    proxied: Proxied, upstream: Server, faults: dict[str, str], read: bool
) -> None:
    stalled, go = threading.Event(), threading.Event()

    def stall(conn: Conn) -> None:
        conn.request()
        conn.send(EVENT)
        if read:
            conn.request()
        stalled.set()
        assert go.wait(10)
        if not read:
            conn.request()
        conn.send(OK)
        upstream.serve(conn)

    first_alone(upstream, stall)
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        assert runtime.ask(NEXT).raw == EVENT
        runtime.wire.send(RESPONSE)
        assert stalled.wait(5)
        with Runtime(address) as other:
            assert other.ask(NEXT).raw == OK
        go.set()
        assert runtime.wire.response().raw == OK
        assert runtime.ask(NEXT).raw == OK


@every_arming
@pytest.mark.parametrize("at", [0, 40, len(EVENT) - 1])
def test_a_runtime_that_gives_up_on_a_stalled_event_frees_its_connection(
    proxied: Proxied, upstream: Server, faults: dict[str, str], at: int
) -> None:
    def stall(conn: Conn) -> None:
        conn.request()
        conn.send(EVENT[:at])
        assert conn.ended(5)

    upstream.script = stall
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        upstream.wait_for_conn()
        assert runtime.wire.silent() or at
    assert upstream.conns[0].over.wait(5)
    upstream.script = upstream.serve
    well(address)


# -- broken off -----------------------------------------------------------------------------------


def is_broken(wire: Wire, whole: bytes) -> None:
    """What arrives is a part of this, and then the connection ends."""
    with pytest.raises(Broken):
        wire.response()
    assert whole.startswith(bytes(wire.received))
    assert len(wire.received) < len(whole)


@every_arming
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("at", [0, 1, 40, len(EVENT) - len(BODY), len(EVENT) - 1])
def test_an_event_broken_off_is_never_whole_and_the_next_arrives(
    proxied: Proxied, upstream: Server, faults: dict[str, str], at: int, reset: bool
) -> None:
    """Before its head, within it (half a header), after it, and within its body."""

    def broken(conn: Conn) -> None:
        conn.request()
        conn.send(EVENT[:at])
        if reset:
            assert conn.silent(0.05)  # so that what was sent arrives before the reset
            conn.reset()

    first_alone(upstream, broken)
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        is_broken(runtime.wire, EVENT)
    well(address)


@every_arming
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("at", [1, 12, len(OK) - 1])
def test_an_answer_to_a_report_broken_off_is_never_whole(
    proxied: Proxied, upstream: Server, faults: dict[str, str], at: int, reset: bool
) -> None:
    def broken(conn: Conn) -> None:
        conn.request()
        conn.send(EVENT)
        conn.request()
        conn.send(OK[:at])
        if reset:
            assert conn.silent(0.05)
            conn.reset()

    first_alone(upstream, broken)
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        assert runtime.ask(NEXT).raw == EVENT
        runtime.wire.received.clear()
        runtime.wire.send(RESPONSE)
        is_broken(runtime.wire, OK)
    well(address)


# -- lies and nonsense ----------------------------------------------------------------------------


@every_arming
def test_an_event_shorter_than_its_length_is_never_whole(
    proxied: Proxied, upstream: Server, faults: dict[str, str]
) -> None:
    lying = HEAD % 1000 + BODY

    def lie(conn: Conn) -> None:
        conn.request()
        conn.send(lying)

    first_alone(upstream, lie)
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        is_broken(runtime.wire, HEAD % 1000 + b" " * 1000 if not faults else lying + b"...")
    well(address)


@every_arming
def test_an_event_longer_than_its_length_ends_there_and_the_rest_is_no_answer(
    proxied: Proxied, upstream: Server, faults: dict[str, str]
) -> None:
    """What follows is not taken for what is said to the next request."""
    lying = HEAD % 5 + BODY

    def lie(conn: Conn) -> None:
        conn.request()
        conn.send(lying)
        conn.rest()

    first_alone(upstream, lie)
    address = proxied(upstream, **faults)
    with Runtime(address) as runtime:
        assert runtime.ask(NEXT).content == BODY[:5]
        assert runtime.ask(RESPONSE).raw == OK
        assert runtime.wire.silent(0.05)
    well(address)


NONSENSE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "a greeting": b"220 mail.example.org ESMTP\r\n\r\n",
    "zeros": b"\0" * 100_000 + b"\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 OK\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"HTTP/2 200\r\n\r\n",
    "length abc": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n",
    "length -1": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length past counting": b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % (b"9" * 400),
    "a chunk without size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * (10 << 20),
}


@every_arming
@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("to", [NEXT, RESPONSE], ids=["event", "report"])
def test_nonsense_ends_the_connection_and_the_next_is_served(
    proxied: Proxied, upstream: Server, faults: dict[str, str], nonsense: bytes, to: bytes
) -> None:
    def babble(conn: Conn) -> None:
        conn.request()
        conn.send(nonsense)
        conn.rest()

    first_alone(upstream, babble)
    address: Address = proxied(upstream, **faults)
    with Wire.to(address) as client:
        client.send(to)
        assert nonsense.startswith(client.rest())
    well(address)
