"""OVERSIZE: sizes, and answers that stay what they are, only longer."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from faultlayer.settings.variables import read_environment
from faultlayer.values.sizes import Size
from faultlayer.vocabulary.answer import Answer, filled
from faultlayer.vocabulary.streamed import Stream

KIND = Size(1, 256 << 20, "7MB")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64KB", 65536),
        ("7mb", 7 << 20),
        (" 1.5 MB ", 3 << 19),
        ("100B", 100),
        ("1024", 1024),
        (1024, 1024),
        ("0.25GB", 256 << 20),
    ],
)
def test_sizes(text: Any, size: int) -> None:
    assert KIND.parse(text) == size
    assert KIND.parse(KIND.show(size)) == size


@pytest.mark.parametrize(
    "text", ["0", "257MB", "10TB", "-1", "1e3", "MB", ".", "1.2.3", "٣", "1" * 30, True, None, []]
)
def test_what_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a size|is outside 1B to 256MB"):
        KIND.parse(text)
    if isinstance(text, str):
        (problem,) = read_environment({"FAULTLAYER_OVERSIZE": text}).problems
        assert "allowed: a size from 1B to 256MB" in problem.message


def test_the_unit_that_is_asked_for_is_allowed() -> None:
    with pytest.raises(ValueError, match=": 7B or 7KB or 7MB[?]$"):
        KIND.parse("7")
    with pytest.raises(ValueError, match=": 1000B or 1000KB[?]$"):
        KIND.parse("1000")


def padded(payload: bytes, size: int) -> bytes:
    answer = Answer(payload)
    assert answer.pad(size)
    start, unit, count, end = answer.parts()
    return b"".join(filled(start, unit, count, end))


@pytest.mark.parametrize("payload", [b"null", b'{"a": 1}', b'"x"', b"", b"\xff", b'{"a":1e400}'])
@pytest.mark.parametrize("size", [20, 65536, 200_000])
def test_an_answer_that_is_no_http_gets_blanks_at_its_end(payload: bytes, size: int) -> None:
    assert padded(payload, size) == payload + b" " * (size - len(payload))


@pytest.mark.parametrize("body", ["hello", "", "é\n", None, {"a": 1}, 'end"}'])
@pytest.mark.parametrize("size", [200, 70_000])
def test_an_http_answer_gets_them_at_the_end_of_its_body(body: Any, size: int) -> None:
    headers = {"Content-Length": "5", "X": "1"}
    payload = json.dumps({"body": body, "statusCode": 200, "headers": headers}).encode()
    after = padded(payload, size)
    assert len(after) == size
    answer = json.loads(after)
    seen = "" if body is None else body if isinstance(body, str) else '{"a": 1}'
    assert answer.pop("body").rstrip(" ") == seen
    assert answer == {"statusCode": 200, "headers": {"X": "1"}}


@pytest.mark.parametrize("data", [b"", b"1", b"12", b"123"])
def test_a_body_in_base64(data: bytes) -> None:
    fields = {"statusCode": 200, "isBase64Encoded": True, "body": b64encode(data).decode()}
    after = padded(json.dumps(fields).encode(), 5000)
    assert 5000 <= len(after) < 5004
    body = b64decode(json.loads(after)["body"], validate=True)
    assert body.rstrip(b" ") == data


@pytest.mark.parametrize(
    "body", ["MTI=\\n", "MTI\\u003d", "MTI=\\r\\n", "MTIz\\n", "+\\/A=", "MTI", "MT[I="]
)
def test_a_body_in_base64_that_is_written_in_another_way(body: str) -> None:
    payload = f'{{"statusCode":200,"isBase64Encoded":true,"body":"{body}"}}'.encode()
    after = json.loads(padded(payload, 500))["body"]
    before = json.loads(payload)["body"]
    try:
        data = b64decode(before)
    except ValueError:
        assert after.rstrip(" ") == before, "it is none"
        return
    assert b64decode(after, validate=True).rstrip(b" ") == data


def test_what_is_as_long_already_stays() -> None:
    for payload in (b'"12345"', b'{"statusCode": 200}'):
        answer = Answer(payload)
        assert not answer.pad(7)
        assert answer.parts() == (payload, b" ", 0, b"")


def test_a_stream_grows_at_its_end() -> None:
    stream = Stream(http=False, rewrite=lambda stream: None)
    stream.pad(10)
    assert stream.feed(b"1234") + stream.end() + b"".join(stream.padding()) == b"1234      "
    long = Stream(http=False, rewrite=lambda stream: None)
    long.pad(3)
    assert long.feed(b"1234") + long.end() + b"".join(long.padding()) == b"1234"
