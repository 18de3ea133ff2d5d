"""Framing against h11, an independent reading of the same RFC; generated heads, fed in any pieces.

Where the two differ on purpose, each test says how. Common to all: a method, target, reason or
value that h11 finds illegal but that leaves no doubt where the message ends passes as it came,
since judging it is upstream's business.
"""

from __future__ import annotations

from collections.abc import Callable

import h11
import pytest
from faultlayer import http1
from faultlayer.http1 import (
    CHUNKED,
    NONE,
    UNTIL_CLOSE,
    Chunked,
    Endless,
    ProtocolError,
    Sized,
    body,
    check_request,
    check_response,
    chunk,
    closes,
    head_end,
    header,
    headers,
    scan,
    status_of,
    with_length,
    without,
)
from hypothesis import assume, example, given
from hypothesis import strategies as st

REFUSED = "refused"

# -- what arrives: heads as careless peers write them -------------------------------------------


def _any_case(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.lower(), name.upper(), name.swapcase()])


LENGTHS = st.sampled_from(
    ["0", "5", "5", "05", "17", "5, 5", "5,5", "5, 6", "", "-5", "+5", "5x", "0x5", "5 6", "٥"]
    + ["1" * 20, "1" * 21, "5,", ",5", "5;5", "5\v", "\v5", "5\f", "5\r", "\x005"]
)
CODINGS = st.sampled_from(
    ["chunked", "chunked", "Chunked", "CHUNKED", "identity", "gzip", "gzip, chunked", ""]
    + ["chunked, chunked", "chunked, gzip", "\vchunked", "chunked\v", "xchunked", "chunked;q=1"]
    + ["chunked,", ",", '"chunked"', "chunked\r", "chun ked"]
)
OPTIONS = st.sampled_from(
    ["close", "Close", "keep-alive", "keep-alive, close", "upgrade", "close,", "closed", ""]
)
FIELDS = st.one_of(
    st.tuples(_any_case("Content-Length"), LENGTHS),
    st.tuples(_any_case("Content-Length"), st.just("5")),
    st.tuples(_any_case("Transfer-Encoding"), CODINGS),
    st.tuples(_any_case("Connection"), OPTIONS),
    st.tuples(
        st.sampled_from(["X-Content-Length", "Content-Length-X", "X", "Lambda-Runtime-Aws-Id"]),
        st.sampled_from(["5", "", "content-length: 7", "transfer-encoding: chunked", "a\tb", "é"]),
    ),
)
SPACE = st.sampled_from(["", " ", " ", " ", "\t", "  \t"])
ODD_SPACE = st.sampled_from(["", "", "", "", "", " ", "\t", "\r\n ", "\r\n\t", "\n "])


TAME_FIELDS = st.one_of(
    st.tuples(_any_case("Content-Length"), st.just("5")),
    st.tuples(_any_case("Connection"), OPTIONS),
    st.tuples(_any_case("X"), st.sampled_from(["", "a\tb", "content-length: 7", "é"])),
)


@st.composite
def fields(draw: st.DrawFn, *, tame: bool = False) -> bytes:
    """Header lines and the blank line, in CRLF or bare LF; tame: nothing of doubtful framing."""
    lines = b"Host: x\r\n" if draw(st.integers(0, 9)) else b""
    for name, value in draw(st.lists(TAME_FIELDS if tame else FIELDS, max_size=4)):
        before_colon = "" if tame else draw(st.sampled_from([""] * 15 + [" "]))
        odd = draw(ODD_SPACE)
        text = f"{name}{before_colon}:{draw(SPACE)}{odd}{value}{draw(SPACE)}"
        if not tame and draw(st.integers(0, 12)) == 0:
            text += draw(st.sampled_from(["\r\n 6", "\r\n\t", "\n ,6", "\r\n x: y"]))
        lines += text.encode("utf-8") + draw(st.sampled_from([b"\r\n"] * 6 + [b"\n"]))
    return lines + draw(st.sampled_from([b"\r\n"] * 6 + [b"\n"]))


TARGETS = ["/", "/2018-06-01/runtime/invocation/next", "/content-length:5", "*"]
TARGETS += ["/é", "", "/a b"]
@st.composite
def request_heads(draw: st.DrawFn, *, tame: bool = False) -> bytes:
    method = draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "X-Y"]))
    target = draw(st.sampled_from(TARGETS[:4]))
    version, end = "HTTP/1.1", "\r\n"
    if not tame and draw(st.integers(0, 3)) == 0:
        method = draw(st.sampled_from([method, "", "GE T", "content-length:"]))
        target = draw(st.sampled_from(TARGETS))
        version = draw(st.sampled_from([version, "HTTP/1.0", "HTTP/1.2", "HTTP/1", "http", ""]))
        end = draw(st.sampled_from(["\r\n", "\n", " \r\n"]))
    return f"{method} {target} {version}{end}".encode() + draw(fields(tame=tame))


CODES = ["200", "202", "204", "304", "404", "500", "100", "103"]


@st.composite
def response_heads(draw: st.DrawFn, *, tame: bool = False) -> bytes:
    code = draw(st.sampled_from(CODES[:6] if tame else CODES))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]))
    reason, end = " OK", "\r\n"
    if not tame and draw(st.integers(0, 3)) == 0:
        code = draw(st.sampled_from([code, "99", "2000", "2x0", "000"]))
        version = draw(st.sampled_from([version, "http/1.1", "HTTP"]))
        reason = draw(st.sampled_from([" ", "", " Not quite", "\tOK", "X"]))
        end = draw(st.sampled_from(["\r\n", "\n"]))
    return f"{version} {code}{reason}{end}".encode() + draw(fields(tame=tame))


@st.composite
def split(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The bytes in pieces: all at once, one by one, or cut anywhere."""
    if not data:
        return []
    how = draw(st.integers(0, 3))
    if how == 0:
        return [data]
    if how == 1:
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=8)))
    edges = [0, *cuts, len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False) if a < b]


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
    judge = h11._connection._body_framing  # type: ignore[attr-defined]
    how, args = judge(method.encode(), event)
    return {"content-length": args, "chunked": (CHUNKED,), "http/1.0": (UNTIL_CLOSE,)}[how][0]


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
    kept = b"close" not in options and (
        event.http_version != b"1.0" or b"keep-alive" in options
    )
    assert closes(head.lower()) == (not kept)


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
    assert len(endless) > http1.MAX_HEAD
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


TOKENS = st.text("abcXYZ-_", min_size=1, max_size=8).map(str.encode)
PLAIN = st.text("abc XYZ,;:=", max_size=12).map(str.strip).map(str.encode)


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


# -- bodies -----------------------------------------------------------------------------------


def _feed(reader: Sized | Chunked | Endless, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """Content, and what the reader left of the pieces."""
    content: list[bytes] = []
    for at, piece in enumerate(pieces):
        taken = reader.feed(piece, content.append)
        if reader.done:
            return b"".join(content), piece[taken:] + b"".join(pieces[at + 1 :])
        assert taken == len(piece), "before its end a body takes all there is"
    return b"".join(content), b""


@given(st.binary(max_size=40), st.integers(0, 50), st.data())
def test_a_sized_body_takes_its_size(data: bytes, length: int, draw: st.DataObject) -> None:
    reader = Sized(length)
    content, rest = _feed(reader, draw.draw(split(data)))
    assert content == (data[:length] if length else b"")
    assert reader.done == (len(data) >= length)
    if reader.done and length:
        assert rest == data[length:]
    assert Sized(length).feed(data) == min(len(data), length), "content need not be asked for"


@given(st.binary(max_size=40), st.data())
def test_an_endless_body_takes_all(data: bytes, draw: st.DataObject) -> None:
    reader = Endless()
    assert _feed(reader, draw.draw(split(data))) == (data, b"")
    assert reader.until_close
    assert not reader.done


def test_the_reader_is_the_length_s() -> None:
    assert isinstance(body(0), Sized) and body(0).done
    assert isinstance(body(7), Sized) and not body(7).done
    assert isinstance(body(CHUNKED), Chunked)
    assert isinstance(body(UNTIL_CLOSE), Endless)


SIZE_EXTRA = st.sampled_from([b""] * 6 + [b" ", b"\t ", b";a=b", b';a="x"', b";\t", b";a=b ;c"])


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    """A well-formed chunked body, trailer section and blank line included."""
    out = b""
    for content in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)):
        digits = draw(st.sampled_from([b"%x", b"%X", b"%04x"])) % len(content)
        out += digits + draw(SIZE_EXTRA) + b"\r\n" + content + b"\r\n"
    out += draw(st.sampled_from([b"0", b"0", b"000"])) + draw(SIZE_EXTRA) + b"\r\n"
    for name, value in draw(st.lists(st.tuples(TOKENS, PLAIN), max_size=3)):
        out += name + b": " + value + draw(st.sampled_from([b"\r\n"] * 4 + [b"\n"]))
    return out + draw(st.sampled_from([b"\r\n"] * 4 + [b"\n"]))


def h11_chunked(data: bytes) -> object:
    """What h11 makes of a chunked body: content, trailer, what is left; None where unfinished."""
    conn = h11.Connection(h11.SERVER)
    conn.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    content = b""
    try:
        while True:
            event = conn.next_event()
            if isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage):
                return content, list(event.headers), conn.trailing_data[0]
            elif event in (h11.NEED_DATA, h11.PAUSED):
                return None
    except h11.RemoteProtocolError:
        return REFUSED


def our_chunked(data: bytes, pieces: list[bytes]) -> object:
    reader = Chunked()
    try:
        content, rest = _feed(reader, pieces)
    except ProtocolError:
        return REFUSED
    if not reader.done:
        return None
    assert data.endswith(reader.trailer + rest), "the trailer section is kept as it came"
    return content, headers(b"\n" + reader.trailer), rest


@given(chunked_bodies(), st.binary(max_size=30), st.data())
@example(b"0\r\n\n", b"GET / HTTP/1.1\r\n\r\n", None)
@example(b"0\r\n\r\n", b"\r\n\r\n", None)
def test_a_chunked_body_is_read_as_h11_reads_it(
    message: bytes, rest: bytes, data: st.DataObject | None
) -> None:
    whole = message + rest
    theirs = h11_chunked(whole)
    if theirs == REFUSED:
        assume(False)
    assert isinstance(theirs, tuple)
    ways = [[whole], [whole[i : i + 1] for i in range(len(whole))]]
    if data is not None:
        ways.append(data.draw(split(whole)))
    for pieces in ways:
        ours = our_chunked(whole, pieces)
        assert isinstance(ours, tuple)
        assert ours[0] == theirs[0]
        assert [(n.lower(), v) for n, v in ours[1]] == theirs[1]
        assert ours[2] == theirs[2] == rest


@given(chunked_bodies(), st.data())
def test_an_unfinished_chunked_body_is_never_done(message: bytes, data: st.DataObject) -> None:
    part = message[: data.draw(st.integers(0, len(message) - 1))]
    assert our_chunked(part, data.draw(split(part))) is None


@given(chunked_bodies(), st.data())
def test_a_damaged_chunked_body_is_read_as_h11_reads_it_or_refused(
    message: bytes, data: st.DataObject
) -> None:
    """Accepted differences, all within RFC 9112 section 7.1: we allow space before an extension
    and h11 judges trailers, which we pass on as they came."""
    at = data.draw(st.integers(0, len(message) - 1))
    new = data.draw(st.sampled_from([b"", b"\r", b"\n", b"\0", b" ", b"g", b"-", b"f", b";"]))
    damaged = message[:at] + new + message[at + data.draw(st.integers(0, 2)) :]
    theirs = h11_chunked(damaged)
    ours = our_chunked_leniently(damaged, data.draw(split(damaged)))
    if ours == REFUSED:
        assert not isinstance(theirs, tuple) or _oversized(damaged)
    elif isinstance(theirs, tuple) and isinstance(ours, tuple):
        assert ours[0] == theirs[0]
        assert ours[1] == theirs[2]
    elif theirs == REFUSED:
        assert b" ;" in damaged or b"\t;" in damaged or _in_trailer(damaged)


def our_chunked_leniently(data: bytes, pieces: list[bytes]) -> object:
    reader = Chunked()
    try:
        content, rest = _feed(reader, pieces)
    except ProtocolError:
        return REFUSED
    return (content, rest) if reader.done else None


def _oversized(damaged: bytes) -> bool:
    return any(len(line.strip()) > 20 for line in damaged.split(b"\r\n"))


def _in_trailer(damaged: bytes) -> bool:
    """Whether we read all chunks of it: what remains is the trailer section."""
    reader = Chunked()
    reader.feed(damaged)
    return reader.done or reader._in_trailer


@pytest.mark.parametrize(
    "malformed",
    [b"\r\n", b"x\r\n", b"-1\r\n", b"+1\r\n", b"0x5\r\n", b"5\n", b"5\r\r\n", b" 5\r\n", b";a\r\n"]
    + [b"1\r\nab\r\n", b"1\r\na\n", b"1\r\na\rb", b"1_0\r\n", b"f" * 21 + b"\r\n", b"5\v\r\n"]
    + ["٥\r\n".encode(), b"1" * 20_000, b";" * 20_000],
)
def test_malformed_chunks_are_refused_in_any_pieces(malformed: bytes) -> None:
    with pytest.raises(ProtocolError):
        Chunked().feed(malformed)
    reader = Chunked()
    with pytest.raises(ProtocolError):
        for i in range(len(malformed)):
            reader.feed(malformed[i : i + 1])


def test_a_trailer_section_without_end_is_refused() -> None:
    reader = Chunked()
    reader.feed(b"0\r\n")
    with pytest.raises(ProtocolError):
        for _ in range(40):
            reader.feed(b"X: y\r\n" * 11_000)


def test_a_size_line_without_end_is_refused() -> None:
    reader = Chunked()
    with pytest.raises(ProtocolError):
        for _ in range(20):
            reader.feed(b"1;" + b"x" * 1000)


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_chunks_we_make_are_read_back(contents: list[bytes]) -> None:
    made = b"".join(chunk(content) for content in contents) + b"0\r\n\r\n"
    expected = b"".join(contents), [], b""
    assert h11_chunked(made) == expected
    assert our_chunked(made, [made]) == expected


def test_a_large_chunk_passes_without_being_held() -> None:
    reader = Chunked()
    seen: list[int] = []
    count: Callable[[bytes], None] = lambda data: seen.append(len(data))  # noqa: E731
    reader.feed(b"%x\r\n" % (1 << 30), count)
    for _ in range(8):
        assert reader.feed(b"\0" * 65536, count) == 65536
    assert sum(seen) == 8 * 65536
    assert not reader._line
