"""Bodies against h11: the same content, trailers and end, in whatever pieces they arrive."""

from __future__ import annotations

import h11
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from faultlayer.http.framing import (
    CHUNKED,
    UNTIL_CLOSE,
    Chunked,
    Endless,
    ProtocolError,
    Sized,
    body,
    chunk,
    headers,
)
from unit.wire_strategies import PLAIN, TOKENS, split

REFUSED = "refused"


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
    + ["\u0665\r\n".encode(), b"1" * 20_000, b";" * 20_000],
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
    expected: object = (b"".join(contents), [], b"")
    assert h11_chunked(made) == expected
    assert our_chunked(made, [made]) == expected


def test_a_large_chunk_passes_without_being_held() -> None:
    reader = Chunked()
    seen: list[int] = []

    def count(data: bytes) -> None:
        seen.append(len(data))

    reader.feed(b"%x\r\n" % (1 << 30), count)
    for _ in range(8):
        assert reader.feed(b"\0" * 65536, count) == 65536
    assert sum(seen) == 8 * 65536
    assert not reader._line
