"""Framing against h11, an independent reading of the same RFC; generated heads, fed in any pieces.

Where the two differ on purpose, each test says how. Common to all: a method, target, reason or
value that h11 finds illegal but that leaves no doubt where the message ends passes as it came,
since judging it is upstream's business.
"""

from __future__ import annotations

import h11
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from faultlayer.http import framing
from faultlayer.http.framing import (
    CHUNKED,
    NONE,
    UNTIL_CLOSE,
    ProtocolError,
    check_request,
    check_response,
    closes,
    head_end,
    header,
    headers,
    scan,
    status_of,
    with_length,
    without,
)
from unit.wire_strategies import PLAIN, TOKENS, request_heads, response_heads, split

REFUSED = "refused"

# -- the two judges ---------------------------------------------------------------------------


def _h11(conn: h11.Connection, method: str, head: bytes) -> object:
    """The framing h11 reads: a length, CHUNKED, UNTIL_CLOSE, or REFUSED."""
    conn.receive_data(head)
    try:
        event = conn.next_event()
    except h11.RemoteProtocolError:
        return REFUSED
    assert event is not h11.NEED_DATA, "a whole head was given"
    if isinstance(event, h11.InformationalResponse):
        return 0
    assert isinstance(event, (h11.Request, h11.Response))
    how, args = h11._connection._body_framing(method.encode(), event)
    return {"chunked": CHUNKED, "http/1.0": UNTIL_CLOSE}.get(how, args and args[0])


def h11_request(head: bytes) -> object:
    return _h11(h11.Connection(h11.SERVER), "POST", head)


def _asked(method: str = "GET") -> h11.Connection:
    """A client that has asked and waits for the answer."""
    conn = h11.Connection(h11.CLIENT)
    conn.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    conn.send(h11.EndOfMessage())
    return conn


def h11_response(head: bytes, method: str = "GET") -> object:
    return _h11(_asked(method), method, head)


def our_request(head: bytes) -> object:
    try:
        lowered, length = scan(head)
        assert lowered == head.lower()
        return check_request(lowered, length)
    except ProtocolError:
        return REFUSED


def our_response(head: bytes, method: str = "GET") -> object:
    try:
        lowered, length = scan(head)
        assert lowered == head.lower()
        return check_response(length, status_of(head), to_head=method == "HEAD")
    except ProtocolError:
        return REFUSED


def _judged_elsewhere(head: bytes) -> bool:
    """Whether h11 refuses this head for something that does not touch its framing.

    Found by asking h11 again with the framing headers alone behind a plain start line.
    """
    line, _, rest = head.partition(b"\n")
    lines = _unfolded(rest)
    kept = [field for field in lines if field.lower().startswith(b"transfer-encoding")]
    # Section 6.3 rule 3: a transfer coding overrides any length, even a wrong one.
    kept = kept or [field for field in lines if field.lower().startswith(b"content-length")]
    plain = b"POST / HTTP/1.1" if not line.startswith(b"HTTP/") else b"HTTP/1.1 200 OK"
    bare = b"\r\n".join([plain, b"Host: x", *kept]) + b"\r\n\r\n"
    judge = h11_request if plain.startswith(b"POST") else h11_response
    return judge(bare) != REFUSED


def _unfolded(rest: bytes) -> list[bytes]:
    found: list[bytes] = []
    for line in rest.split(b"\n"):
        line = line[:-1] if line.endswith(b"\r") else line
        if line[:1] in (b" ", b"\t") and found:
            found[-1] += b" " + line.lstrip(b" \t")
        else:
            found.append(line)
    return found


def _several_codings(head: bytes) -> bool:
    """Transfer codings other than one `chunked`: h11 has none, RFC 9112 section 6.1 allows them."""
    codings = [
        field.partition(b":")[2].strip(b" \t").lower()
        for field in _unfolded(head)
        if field.lower().startswith(b"transfer-encoding")
    ]
    return bool(codings) and codings != [b"chunked"]


# -- heads ------------------------------------------------------------------------------------


@given(request_heads())
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n 6\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\t\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\v\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 6\r\nContent-Length: 5\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \vchunked\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n")
def test_a_request_ends_where_h11_says(head: bytes) -> None:
    assume(head_end(head) == len(head))
    theirs, ours = h11_request(head), our_request(head)
    if theirs != REFUSED:
        assert ours == theirs
    elif ours != REFUSED:
        assert _judged_elsewhere(head) or (_several_codings(head) and ours == CHUNKED)


@given(response_heads(), st.sampled_from(["GET", "GET", "HEAD"]))
@example(b"HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n", "GET")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5\n 6\r\n\r\n", "GET")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\nContent-Length: 5\r\n\r\n", "GET")
def test_a_response_ends_where_h11_says(head: bytes, method: str) -> None:
    assume(head_end(head) == len(head))
    theirs, ours = h11_response(head, method), our_response(head, method)
    if theirs != REFUSED:
        assert ours == theirs
    elif ours not in (REFUSED, 0):
        assert _judged_elsewhere(head) or (
            _several_codings(head) and ours in (CHUNKED, UNTIL_CLOSE)
        )


def test_a_bare_blank_line_ends_a_head_whatever_follows() -> None:
    head = b"POST / HTTP/1.1\nContent-Length: 2\n\n"
    assert head_end(head + b"\r\n") == len(head)
    assert head_end(head + b"\n") == len(head)


@pytest.mark.parametrize(
    "line",
    [b"", b"GET", b"GET /", b"GET / HTTP/1", b"GET  HTTP/1.1", b" / HTTP/1.1", b"GET /a b HTTP/1.1"]
    + [b"GET / HTTP/2.0", b"GET / HTTP/1.x", b"\x16\x03\x01\x02", b"HTTP/1.1 200 OK", b"GET /\t1"],
)
def test_what_is_no_request_line_is_refused(line: bytes) -> None:
    assert our_request(line + b"\r\nHost: x\r\n\r\n") == REFUSED


@pytest.mark.parametrize(
    "line",
    [b"", b"HTTP/1.1", b"HTTP/1.1 20", b"HTTP/1.1 2000", b"HTTP/1.1 099 Low", b"HTTP/2 200 OK"]
    + [b"HTTP/1.1  200 OK", b"HTTP/1.1 -12 OK", b"HTTP/1.1 2 0 OK", b"GET / HTTP/1.1"],
)
def test_what_is_no_status_line_is_refused(line: bytes) -> None:
    assert our_response(line + b"\r\nContent-Length: 0\r\n\r\n") == REFUSED


@given(response_heads(tame=True))
def test_the_last_response_of_a_connection_is_known(head: bytes) -> None:
    """Accepted difference: h11 never keeps an HTTP/1.0 connection, not even where asked to."""
    assume(h11_response(head) != REFUSED)
    conn = _asked()
    conn.receive_data(head)
    event = conn.next_event()
    assert isinstance(event, h11.Response)
    options = {
        option.strip().lower()
        for name, value in event.headers
        if name == b"connection"
        for option in value.split(b",")
    }
    kept = b"close" not in options and (event.http_version != b"1.0" or b"keep-alive" in options)
    assert closes(head.lower()) == (not kept)


@pytest.mark.parametrize(
    ("request_", "last"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", False),
    ],
)
def test_whether_a_request_is_the_last_of_its_connection(request_: bytes, last: bool) -> None:
    assert closes(request_.lower()) is last


@given(st.one_of(request_heads(), response_heads()), st.data())
def test_a_head_ends_in_the_same_place_however_it_arrives(head: bytes, data: st.DataObject) -> None:
    assume(head_end(head) == len(head))
    rest = data.draw(st.binary(max_size=20))
    assert head_end(head + rest) == len(head)
    held = b""
    for piece in data.draw(split(head)):
        assert head_end(held) == -1
        assert scan(held) == (b"", NONE)
        # As the receiving loop does it: only the new bytes and three before them are looked at.
        known = max(0, len(held) - 3)
        held += piece
        assert head_end(held, known) == head_end(held)
    assert head_end(held) == len(head)


def test_a_head_without_end_has_none() -> None:
    endless = b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 400_000
    assert len(endless) > framing.MAX_HEAD
    assert head_end(endless) == -1
    assert scan(endless) == (b"", NONE)


def test_a_megabyte_of_headers_is_read() -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 100) for i in range(10_000))
    head = b"POST / HTTP/1.1\r\n" + lines + b"Content-Length: 7\r\n\r\n"
    assert our_request(head) == 7
    assert header(head, head.lower(), b"x-9999") == b"v" * 100


@given(request_heads(tame=True))
def test_headers_are_those_that_h11_reads(head: bytes) -> None:
    conn = h11.Connection(h11.SERVER)
    conn.receive_data(head)
    try:
        event = conn.next_event()
    except h11.RemoteProtocolError:
        assume(False)
    assert isinstance(event, h11.Request)
    # h11 merges equal lengths, and keeps spaces before a folded line's end.
    theirs = [(n, b" ".join(v.lower().split())) for n, v in event.headers if n != b"content-length"]
    ours = [(n, b" ".join(v.split())) for n, v in headers(head.lower()) if n != b"content-length"]
    assert ours == theirs


def _made(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"POST / HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % p for p in pairs) + b"\r\n"


@given(st.lists(st.tuples(TOKENS, PLAIN), max_size=5))
def test_a_header_is_found_by_its_name_in_any_case(pairs: list[tuple[bytes, bytes]]) -> None:
    head = _made(pairs)
    for name, _ in pairs:
        first = next(value for other, value in pairs if other.lower() == name.lower())
        assert header(head, head.lower(), name.lower()) == first
    assert header(head, head.lower(), b"absent") == b""


@given(st.lists(st.tuples(TOKENS, PLAIN), max_size=5), TOKENS)
def test_without_takes_out_what_it_names_and_nothing_else(
    pairs: list[tuple[bytes, bytes]], gone: bytes
) -> None:
    head = _made([*pairs, (gone, b"1"), *pairs])
    kept = [pair for pair in pairs if pair[0].lower() != gone.lower()] * 2
    assert without(head, gone.lower()) == _made(kept)


def test_without_leaves_the_first_line_whatever_it_is() -> None:
    head = b"Content-Length:GET / HTTP/1.1\r\nContent-Length: 5\r\nA: 1\r\n\r\n"
    assert without(head, b"content-length") == b"Content-Length:GET / HTTP/1.1\r\nA: 1\r\n\r\n"


def test_without_takes_out_folded_lines_too() -> None:
    head = b"POST / HTTP/1.1\r\nA: 1\r\nExpect:\r\n 100-continue\r\n\tmore\r\nB: 2\r\n 3\r\n\r\n"
    assert without(head, b"expect") == b"POST / HTTP/1.1\r\nA: 1\r\nB: 2\r\n 3\r\n\r\n"


@given(request_heads(tame=True), st.integers(0, 10**12))
def test_a_head_given_a_length_has_it(head: bytes, length: int) -> None:
    changed = with_length(head, length)
    assert head_end(changed) == len(changed)
    assert our_request(changed) == length
    dropped = without(head, b"content-length")
    assert without(changed, b"content-length") == dropped


@pytest.mark.parametrize("blank", [b" ", b"\t"])
def test_a_line_that_continues_nothing_is_refused_and_never_joins_what_we_add(blank: bytes) -> None:
    """RFC 9112 section 2.2: reject the message, or drop such lines. Found by fuzzing."""
    head = b"POST / HTTP/1.1\r\n" + blank + b"8\r\nHost: x\r\n\r\n"
    assert our_request(head) == REFUSED
    assert our_response(head.replace(b"POST / HTTP/1.1", b"HTTP/1.1 200 OK")) == REFUSED
    assert with_length(head, 7) == b"POST / HTTP/1.1\r\nContent-Length: 7\r\nHost: x\r\n\r\n"
