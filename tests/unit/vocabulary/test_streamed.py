"""Streamed answers: the prelude in any pieces, and bodies that are changed as they pass."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.vocabulary.answer import Http
from faultlayer.vocabulary.streamed import MAX_PRELUDE, SEPARATOR, Stream
from unit.wire_strategies import split


class Rewritten:
    """A stream whose body is put in upper case, and whose header `x` is set, where there is one."""

    def __init__(self, *, http: bool = True, body: bool = True, header: bool = True) -> None:
        self.calls = 0
        self.body, self.header = body, header
        self.seen: Http | None = None
        self.stream = Stream(http=http, rewrite=self.rewrite)

    def rewrite(self, stream: Stream) -> None:
        self.calls += 1
        self.seen = stream.http
        if self.body:
            stream.filter_body(bytes.upper)
        if self.header and stream.http:
            stream.http.change_headers({"x": "1"})

    def pass_all(self, pieces: list[bytes]) -> bytes:
        out = b"".join(self.stream.feed(piece) for piece in pieces) + self.stream.end()
        assert self.calls == 1, "once, before any body"
        return out


@given(st.binary(max_size=30), st.data())
def test_the_prelude_may_arrive_in_any_pieces(body: bytes, data: st.DataObject) -> None:
    prelude = b'{"statusCode": 200, "headers": {"X": "0", "content-length": "9"}, "cookies": []}'
    pieces = data.draw(split(prelude + SEPARATOR + body))
    out = Rewritten().pass_all(pieces)
    head, separator, rest = out.partition(SEPARATOR)
    assert separator
    assert json.loads(head) == {"statusCode": 200, "headers": {"x": "1"}, "cookies": []}
    assert rest == body.upper()


@given(st.binary(max_size=30), st.data())
def test_a_stream_that_nothing_changes_keeps_its_bytes(body: bytes, data: st.DataObject) -> None:
    whole = b'{ "statusCode": 200, "n": 1.10 }' + SEPARATOR + body
    rewritten = Rewritten(body=False, header=False)
    assert rewritten.pass_all(data.draw(split(whole))) == whole
    assert rewritten.seen is not None


def test_the_body_leaves_as_it_arrives() -> None:
    rewritten = Rewritten(body=False)
    assert rewritten.stream.feed(b'{"statusCode":200}' + SEPARATOR[:3]) == b""
    assert rewritten.stream.feed(SEPARATOR[3:]).endswith(SEPARATOR)
    assert rewritten.stream.feed(b"first") == b"first"
    assert rewritten.stream.feed(SEPARATOR) == SEPARATOR, "the second is body"
    assert rewritten.stream.end() == b""


@pytest.mark.parametrize("prelude", [b"{}", b'{"headers":{}}', b'{"cookies":["a=b"]}'])
def test_a_prelude_without_a_status_is_one(prelude: bytes) -> None:
    """Lambda answers 200 then, so its headers are the caller's."""
    out = Rewritten().pass_all([prelude + SEPARATOR + b"x"])
    assert json.loads(out.partition(SEPARATOR)[0])["headers"] == {"x": "1"}


@pytest.mark.parametrize("prelude", [b"", b"no json", b"[]", b'{"statusCode":"x"}', b"\xff"])
def test_a_prelude_that_is_none_stays(prelude: bytes) -> None:
    rewritten = Rewritten()
    whole = prelude + SEPARATOR + b"abc"
    assert rewritten.pass_all([whole]) == prelude + SEPARATOR + b"ABC"
    assert rewritten.seen is None


@given(st.binary(max_size=40).filter(lambda data: SEPARATOR not in data), st.data())
def test_a_stream_without_separator_is_all_body(whole: bytes, data: st.DataObject) -> None:
    assert Rewritten().pass_all(data.draw(split(whole))) == whole.upper()


def test_a_prelude_too_long_is_body_and_is_not_held() -> None:
    rewritten = Rewritten()
    stream = rewritten.stream
    held = b"".join(stream.feed(b"a" * 65536) for _ in range(MAX_PRELUDE // 65536 - 1))
    assert held == b""
    assert len(stream.feed(b"a" * 65536)) == MAX_PRELUDE
    assert stream.feed(b"b" + SEPARATOR) == b"B" + SEPARATOR


def test_a_stream_that_is_not_http_has_no_prelude() -> None:
    rewritten = Rewritten(http=False)
    assert rewritten.calls == 1
    assert rewritten.stream.feed(b'{"statusCode":200}') == b'{"STATUSCODE":200}'
    assert rewritten.seen is None
