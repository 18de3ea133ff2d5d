"""What arrives: HTTP heads as careful and careless peers write them, in pieces of any size."""

from __future__ import annotations

from hypothesis import strategies as st


def _any_case(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.lower(), name.upper(), name.swapcase()])


LENGTHS = st.sampled_from(
    ["0", "5", "5", "05", "17", "5, 5", "5,5", "5, 6", "", "-5", "+5", "5x", "0x5", "5 6", "\u0665"]
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


TOKENS = st.text("abcXYZ-_", min_size=1, max_size=8).map(str.encode)
PLAIN = st.text("abc XYZ,;:=", max_size=12).map(str.strip).map(str.encode)
