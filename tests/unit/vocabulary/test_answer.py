"""The function's answer in the shapes that AWS documents, and in those that functions send."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.vocabulary.answer import Answer, Http, status_payload
from faultlayer.vocabulary.streamed import MAX_PRELUDE, SEPARATOR, Stream
from unit.wire_strategies import split


def whole(change: Callable[[Any], str | bytes]) -> Any:
    """A change of a body as a whole, text or bytes, as one of its pieces."""

    def pieces(parts: Iterator[Any], total: int) -> list[str | bytes]:
        found = list(parts)
        before = (b"" if found and isinstance(found[0], bytes) else "").join(found)
        assert len(before) == total
        assert all(len(part) % 2 == 0 for part in found[:-1])
        return [change(before)]

    return pieces


def _shout(body: Any) -> Any:
    return body.upper() if isinstance(body, str) else body[::-1]


shout = whole(_shout)  # upper case, or bytes turned round


def changed(payload: Any, change: Any = shout) -> Any:
    """The answer after a change of its body, read back."""
    answer = Answer(json.dumps(payload).encode())
    assert answer.change_body(change)
    return json.loads(answer.payload())


def with_headers(payload: Any, **changes: str | None) -> Any:
    """The answer after a change of its headers, given with `_` for `-`, read back."""
    answer = Answer(json.dumps(payload).encode())
    assert answer.http is not None
    answer.http.change_headers({name.replace("_", "-"): text for name, text in changes.items()})
    return json.loads(answer.payload())


# -- what is HTTP-shaped ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [b'{"statusCode":200}', b'{"statusCode":"200","body":"x"}', b'{"statusCode":200.0}']
    + [b' {"statusCode" : 200, "headers":null,"x":[1]}\n', b'{"statusCode":1,"statusCode":2}'],
)
def test_http_shaped(payload: bytes) -> None:
    assert Answer(payload).http is not None


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b'"x"', b"[]", b"{}", b'{"body":"x"}', b'{"statusCode":null}', b"\xff\xfe"]
    + [
        b'{"statusCode":true}',
        b'{"statusCode":"ok"}',
        b'{"statusCode":""}',
        b'{"statusCode":[200]}',
    ]
    + [b'{"statusCode":200', b'{"statusCode":200}x', b"[" * 200_000, b'{"a":' * 200_000, b"\0"]
    + [b'{"statusCode":' + b"9" * 5000 + b"}", b'\xef\xbb\xbf{"statusCode":200}', b"{'a'}"],
    ids=lambda payload: payload[:20],
)
def test_not_http_shaped(payload: bytes) -> None:
    answer = Answer(payload)
    assert answer.http is None
    assert answer.payload() == payload


PECULIAR = [
    b'{ "statusCode": 200,\n "body": "x" }',
    b'{"statusCode":200,"statusCode":201,"body":"\\u0041"}',
    b'{"statusCode":1e400,"big":1E400,"n":NaN,"i":-Infinity}',
    b'{"statusCode":200,"exact":0.1000000000000000055511151231257827,"int":' + b"7" * 400 + b"}",
    b'{"statusCode":200,"body":"\\ud800 \xc3\xa9"}',
]


@pytest.mark.parametrize("payload", PECULIAR)
def test_an_answer_that_nothing_changes_keeps_its_bytes(payload: bytes) -> None:
    answer = Answer(payload)
    assert answer.http is not None
    assert not answer.change_body(whole(lambda body: body))
    assert not answer.http.change_headers({"x-absent": None})
    assert answer.payload() == payload


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.booleans())
def test_what_a_change_does_not_name_survives_it(rest: dict[str, Any], ascii_only: bool) -> None:
    fields = {**rest, "statusCode": 200, "headers": {"A": "b"}, "body": "abc"}
    text = json.dumps(fields, ensure_ascii=ascii_only)
    answer = Answer(text.encode("utf-8", "replace"))
    assert answer.http is not None
    assert answer.change_body(shout)
    assert answer.http.change_headers({"x-new": "1"})
    expected = json.loads(text.encode("utf-8", "replace"))
    expected["body"] = "ABC"
    expected["headers"]["x-new"] = "1"
    assert json.loads(answer.payload()) == expected


# -- bodies -----------------------------------------------------------------------------------


def test_a_text_body_is_changed_as_text() -> None:
    assert changed({"statusCode": 200, "body": "é x"})["body"] == "É X"


def test_a_base64_body_is_changed_as_the_bytes_it_stands_for() -> None:
    body = base64.b64encode(b"\x00\x01\xff").decode()
    after = changed({"statusCode": 200, "body": body, "isBase64Encoded": True})
    assert base64.b64decode(after["body"]) == b"\xff\x01\x00"
    assert after["isBase64Encoded"] is True


def test_text_in_place_of_bytes_is_said_to_be_text() -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    after = changed(
        {"statusCode": 200, "body": body, "isBase64Encoded": True}, whole(lambda _: "sorry")
    )
    assert (after["body"], after["isBase64Encoded"]) == ("sorry", False)


def test_a_body_that_claims_to_be_base64_is_taken_as_text() -> None:
    after = changed({"statusCode": 200, "body": "é!", "isBase64Encoded": True})
    assert after["body"] == "É!"


@pytest.mark.parametrize("body", [{"a": 1}, [1, 2], 7, True])
def test_a_body_that_is_no_text_is_changed_as_the_caller_would_see_it(body: Any) -> None:
    after = changed({"statusCode": 200, "body": body}, whole(lambda text: f"<{text}>"))
    assert after["body"] == f"<{json.dumps(body)}>"


@pytest.mark.parametrize("fields", [{}, {"body": None}, {"body": ""}])
def test_an_absent_body_is_an_empty_one(fields: dict[str, Any]) -> None:
    payload = json.dumps({"statusCode": 204, **fields}).encode()
    answer = Answer(payload)
    assert not answer.change_body(shout)
    assert answer.payload() == payload
    assert changed({"statusCode": 204, **fields}, whole(lambda _: "now"))["body"] == "now"


def test_a_changed_body_has_no_length_of_the_former() -> None:
    after = changed(
        {
            "statusCode": 200,
            "body": "abc",
            "headers": {"Content-LENGTH": "3", "x": "y"},
            "multiValueHeaders": {"content-length": ["3"]},
        }
    )
    assert after["headers"] == {"x": "y"}
    assert after["multiValueHeaders"] == {}


def test_what_is_not_http_shaped_is_changed_as_a_whole() -> None:
    answer = Answer(b'{"order":7}')
    assert answer.change_body(whole(lambda body: body[:5]))
    assert answer.payload() == b'{"ord'
    assert answer.change_body(whole(lambda body: "é"))
    assert answer.payload() == "é".encode()
    assert not Answer(b"").change_body(shout)


# -- headers ----------------------------------------------------------------------------------


def test_headers_are_set_and_removed_whatever_their_case() -> None:
    fields = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "KEEP": "1"}}
    assert with_headers(fields, access_control_allow_origin=None)["headers"] == {"KEEP": "1"}
    after = with_headers(fields, ACCESS_CONTROL_ALLOW_ORIGIN="https://x")
    assert after["headers"] == {"KEEP": "1", "ACCESS-CONTROL-ALLOW-ORIGIN": "https://x"}


def test_several_spellings_are_one_header() -> None:
    fields = {
        "statusCode": 200,
        "headers": {"x-a": "1", "X-A": "2"},
        "multiValueHeaders": {"X-a": ["3", "4"]},
    }
    after = with_headers(fields, X_a=None)
    assert (after["headers"], after["multiValueHeaders"]) == ({}, {})
    after = with_headers({**fields, "headers": {"x-a": "1", "y": "z"}}, x_A="9")
    assert after["headers"] == {"y": "z", "x-A": "9"}
    assert after["multiValueHeaders"] == {}


@pytest.mark.parametrize("headers", [{}, None])
def test_where_only_multi_value_headers_are_read_they_are_set(headers: Any) -> None:
    fields = {"statusCode": 200, "headers": headers, "multiValueHeaders": {"a": ["1", "2"]}}
    after = with_headers(fields, b="3")
    assert after["multiValueHeaders"] == {"a": ["1", "2"], "b": ["3"]}


@pytest.mark.parametrize("headers", [None, [], "x", 5])
def test_headers_that_are_none_become_an_object(headers: Any) -> None:
    assert with_headers({"statusCode": 200, "headers": headers}, a="b")["headers"] == {"a": "b"}
    assert with_headers({"statusCode": 200}, a="b")["headers"] == {"a": "b"}


def test_cookies_go_with_set_cookie() -> None:
    fields = {"statusCode": 200, "cookies": ["a=b"], "headers": {"set-cookie": "c=d"}}
    after = with_headers(fields, Set_Cookie=None)
    assert "cookies" not in after
    assert after["headers"] == {}
    assert with_headers(fields, x="y")["cookies"] == ["a=b"]


def test_a_status_payload_is_what_api_gateway_asks_for() -> None:
    assert status_payload(503, {"a": "b"}, "x") == {
        "statusCode": 503,
        "headers": {"a": "b"},
        "body": "x",
        "isBase64Encoded": False,
    }


# -- streams ----------------------------------------------------------------------------------


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
