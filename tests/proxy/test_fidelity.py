"""What no fault is due for passes byte for byte, both ways, on every path, however it is cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fakes.proxied import NEVER, Address, Proxied, start
from fakes.runtime import NEXT, Runtime, posted
from fakes.scripted import Conn, Server
from fakes.wire import Wire, cut

PATHS = (
    "/2018-06-01/runtime/invocation/next",
    "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response",
    "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error",
    "/2018-06-01/runtime/init/error",
    "/2018-06-01/runtime/restore/next",
    "/2018-06-01/runtime/restore/error",
    "/2020-01-01/extension/register",
    "/2020-01-01/extension/event/next",
    "/2022-07-01/telemetry",
    "/2018-06-01/ping",
    "*",
    "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
)
TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FRAMING = ("content-length", "transfer-encoding", "connection", "expect")

names = st.one_of(
    st.text(TOKEN, min_size=1, max_size=20).filter(lambda name: name.lower() not in FRAMING),
    st.sampled_from(("X-Content-Length", "Content-Length-X", "x-transfer-encoding", "Set-Cookie")),
    st.sampled_from(("Lambda-Runtime-Aws-Request-Id", "LAMBDA-RUNTIME-DEADLINE-MS")),
)
octets = st.sampled_from([9, *range(32, 127), *range(128, 256)])
values = st.lists(octets, max_size=40).map(bytes)
spaces = st.sampled_from((b"", b" ", b"\t ", b"   "))


@st.composite
def header_lines(draw: st.DrawFn) -> list[bytes]:
    several = draw(st.lists(st.tuples(names, spaces, values, spaces), max_size=6))
    lines = [b"%b:%b%b%b\r\n" % (n.encode(), a, v, b) for n, a, v, b in several]
    if lines and draw(st.booleans()):
        lines.append(lines[0])  # a duplicate
    return lines


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    framed = b""
    for content in draw(st.lists(st.binary(min_size=1, max_size=300), max_size=5)):
        size = draw(st.sampled_from(("%x", "%X", "%04x"))) % len(content)
        extension = draw(st.sampled_from((b"", b";a", b';name="va;lue"', b" ;x=y")))
        framed += size.encode() + extension + b"\r\n" + content + b"\r\n"
    trailers = b"".join(draw(st.one_of(st.just([]), header_lines())))
    return framed + draw(st.sampled_from((b"0", b"000", b"0;last"))) + b"\r\n" + trailers + b"\r\n"


def spell(draw: st.DrawFn, name: str) -> bytes:
    """A header's name in some case."""
    return draw(st.sampled_from((name, name.lower(), name.upper()))).encode()


@st.composite
def framed(draw: st.DrawFn, kinds: tuple[str, ...]) -> tuple[bytes, bytes, str]:
    """Header lines and a body that fits to them, and its kind."""
    lines = draw(header_lines())
    kind = draw(st.sampled_from(kinds))
    body = b""
    own = b""
    if kind == "sized":
        body = draw(st.binary(max_size=700))
        if draw(st.integers(0, 9)) == 0:
            body *= draw(st.integers(1, 400))  # sometimes beyond what is gathered
        own = b"%b: %d\r\n" % (spell(draw, "Content-Length"), len(body))
    elif kind == "chunked":
        body = draw(chunked_bodies())
        own = b"%b: %b\r\n" % (spell(draw, "Transfer-Encoding"), b"chunked")
    if own:
        lines.insert(draw(st.integers(0, len(lines))), own)
    return b"".join(lines), body, kind


@dataclass
class Exchange:
    """A request, the answer to it, and how both are cut into segments."""

    method: bytes
    request: bytes
    answer: bytes
    last: bool
    request_cuts: list[int]
    answer_cuts: list[int]


@st.composite
def exchanges(draw: st.DrawFn, *, last: bool) -> Exchange:
    method = draw(st.sampled_from((b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"X-ODD!")))
    other = st.text(TOKEN, max_size=12).map(lambda text: "/" + text)
    path = draw(st.one_of(st.sampled_from(PATHS), other)).encode()
    lines, body, _ = draw(framed(("none", "sized", "chunked")))
    version = draw(st.sampled_from((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0")))
    request = b"%b %b %b\r\n%b\r\n%b" % (method, path, version, lines, body)
    interim = b"".join(
        b"HTTP/1.1 %d Wait\r\n%b\r\n" % (code, b"".join(draw(header_lines())))
        for code in draw(st.lists(st.sampled_from((100, 102, 103)), max_size=2))
    )
    status = draw(st.sampled_from((200, 200, 202, 204, 304, 400, 403, 413, 500)))
    bodiless = method == b"HEAD" or status in (204, 304)
    kinds = ("sized", "chunked", "close", "until_close") if last else ("sized", "chunked")
    lines, body, kind = draw(framed(kinds))
    if kind in ("close", "until_close"):
        body = draw(st.binary(max_size=900))
        lines += b"Connection: close\r\n"
        if kind == "close" or bodiless:
            lines += b"Content-Length: %d\r\n" % len(body)
    reason = draw(st.sampled_from((b"OK", b"", b"What ever: 1")))
    head = b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, lines)
    answer = interim + head + (b"" if bodiless else body)
    cuts = st.lists(st.integers(1, 1500), max_size=5)
    closing = kind in ("close", "until_close")
    return Exchange(method, request, answer, closing, draw(cuts), draw(cuts))


@st.composite
def conversations(draw: st.DrawFn) -> list[Exchange]:
    count = draw(st.integers(1, 4))
    return [draw(exchanges(last=index == count - 1)) for index in range(count)]


class Playback(Server):
    """Answers every request with the next answer of the conversation."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.queue: list[Exchange] = []
        self.seen: list[bytes] = []
        super().__init__(self.play)

    def play(self, conn: Conn) -> None:
        while (request := conn.request()) is not None:
            with self.turn:
                self.seen.append(request.raw)
                exchange = self.queue.pop(0)
            conn.send(*cut(exchange.answer, exchange.answer_cuts))
            if exchange.last:
                return


@pytest.fixture(scope="module", params=["drawn", "seeded"])
def playback(request: pytest.FixtureRequest) -> Iterator[tuple[Playback, Address]]:
    variables = dict(NEVER)
    if request.param == "seeded":
        variables["FAULTLAYER_SEED"] = "7"
    with Playback() as server:
        yield server, start(server.address, variables)
    assert not server.errors


@settings(max_examples=50, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(conversation=conversations(), pipelined=st.booleans())
def test_any_conversation_passes_byte_for_byte(
    playback: tuple[Playback, Address], conversation: list[Exchange], pipelined: bool
) -> None:
    server, address = playback
    server.queue, server.seen = list(conversation), []
    with Wire.to(address) as client:
        if pipelined:
            everything = b"".join(exchange.request for exchange in conversation)
            client.send(*cut(everything, [at * 3 for at in conversation[0].request_cuts]))
        for exchange in conversation:
            if not pipelined:
                client.send(*cut(exchange.request, exchange.request_cuts))
            assert client.take(len(exchange.answer)) == exchange.answer
        if conversation[-1].last:
            assert client.ended()
    assert server.seen == [exchange.request for exchange in conversation]


def test_a_byte_at_a_time(proxied: Proxied, upstream: Server) -> None:
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n"
    )
    request = b"POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"

    def script(conn: Conn) -> None:
        while conn.request():
            conn.send(*cut(answer, range(len(answer))), pause=0.0003)

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        for _ in range(3):
            client.send(*cut(request, range(len(request))), pause=0.0003)
            assert client.take(len(answer)) == answer
    assert [got.raw for got in upstream.requests] == [request] * 3


def test_bare_line_feeds_end_lines_too(proxied: Proxied, upstream: Server) -> None:
    answer = b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
    request = b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\nContent-Length: 3\n\nabc"

    def script(conn: Conn) -> None:
        for _ in range(2):
            conn.take(len(request))
            conn.send(answer)

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        for _ in range(2):
            client.send(request)
            assert client.take(len(answer)) == answer
    assert bytes(upstream.conns[0].received) == request * 2


def test_one_client_connection_uses_one_upstream_connection(
    proxied: Proxied, upstream: Server
) -> None:
    with Runtime(proxied(upstream)) as runtime:
        for turn in range(50):
            assert runtime.ask(NEXT).status == 200
            assert runtime.ask(posted(str(turn), "response", b"", b"x" * turn)).status == 200
    assert len(upstream.conns) == 1
    assert len(upstream.requests) == 100


def test_a_connection_per_request_still_reuses_upstream_connections(
    proxied: Proxied, upstream: Server
) -> None:
    address = proxied(upstream)
    for turn in range(50):
        for request in (NEXT, posted(str(turn), "response", b"", b"{}")):
            with Runtime(address) as runtime:
                assert runtime.ask(request).status == 200
    assert len(upstream.requests) == 100
    assert len(upstream.conns) < 10


def test_pipelined_posts_are_answered_in_order(proxied: Proxied, upstream: Server) -> None:
    upstream.answer = lambda request: (
        b"HTTP/1.1 202 A\r\nContent-Length: %d\r\n\r\n%b" % (len(request.content), request.content)
    )
    bodies = [b"%d" % number * number for number in range(1, 40)]
    with Wire.to(proxied(upstream)) as client:
        client.send(b"".join(posted("1", "response", b"", body) for body in bodies))
        assert [client.response().content for _ in bodies] == bodies


@pytest.mark.parametrize(
    "first", [NEXT, posted("1", "response", b"", b"{}")], ids=["next", "response"]
)
def test_a_close_that_upstream_announces_reaches_the_client(
    proxied: Proxied, upstream: Server, first: bytes
) -> None:
    """Who asked for `Connection: close` may read until the end of the connection."""

    def script(conn: Conn) -> None:
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    upstream.script = script
    with Wire.to(proxied(upstream)) as client:
        client.send(first.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        assert client.response().content == b"ok"
        assert client.ended(5)


def test_no_body_follows_the_answer_to_head(proxied: Proxied, upstream: Server) -> None:
    upstream.answer = lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
    with Wire.to(proxied(upstream)) as client:
        for body in (b"", b"x" * 300_000):
            head = b"HEAD /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
            client.send(head, body)
            assert client.response(to=b"HEAD").header("content-length") == "900"
        assert client.silent()
