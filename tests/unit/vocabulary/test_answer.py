"""The function's answer in the shapes that AWS documents, and in those that functions send."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.vocabulary.answer import Answer, status_payload


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
