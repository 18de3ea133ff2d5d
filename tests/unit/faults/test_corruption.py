"""CORRUPTION: what arrives is really cut short, undecodable, or something else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.faults import find_fault
from faultlayer.vocabulary.actions import Rewrite
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import Options
from faultlayer.vocabulary.streamed import SEPARATOR, Stream

MODES = ["truncate", "garble", "replace"]


def rewrite(mode: str, body: str | None = None, scope: str = "body") -> Rewrite:
    fault = find_fault("corruption")
    assert fault is not None
    options = Options({"mode": mode, "body": body, "scope": scope, "sources": "callers"})
    action = fault.decide(options, Invocation(b"", b"", lambda: b"{}"), 0.5)
    assert isinstance(action, Rewrite)
    return action


def buffered(mode: str, payload: Any, body: str | None = None, scope: str = "body") -> bytes:
    answer = Answer(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    rewrite(mode, body, scope).whole(answer)
    return answer.payload()


def streamed(mode: str, pieces: list[bytes], *, http: bool = False) -> list[bytes]:
    def change(stream: Stream) -> None:
        assert rewrite(mode).stream(stream)

    stream = Stream(http=http, rewrite=change)
    return [stream.feed(piece) for piece in pieces] + [stream.end()]


JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
).map(json.dumps)


@given(JSON_TEXTS)
def test_garbled_json_is_no_json(text: str) -> None:
    after = json.loads(buffered("garble", {"statusCode": 200, "body": text}))
    assert after["statusCode"] == 200
    with pytest.raises(ValueError):
        json.loads(after["body"])


@given(st.binary(min_size=1, max_size=50))
def test_garbled_bytes_are_no_text(data: bytes) -> None:
    body = base64.b64encode(data).decode()
    after = json.loads(
        buffered("garble", {"statusCode": 200, "body": body, "isBase64Encoded": True})
    )
    garbled = base64.b64decode(after["body"])
    assert len(garbled) == len(data)
    with pytest.raises(UnicodeDecodeError):
        garbled.decode()


@given(JSON_TEXTS)
def test_a_garbled_payload_is_no_json(text: str) -> None:
    garbled = buffered("garble", text.encode())
    with pytest.raises(ValueError):
        json.loads(garbled)


@given(st.text(min_size=1, max_size=30))
def test_a_truncated_body_is_its_first_half(text: str) -> None:
    after = json.loads(buffered("truncate", {"statusCode": 200, "body": text}))
    assert after["body"] == text[: len(text) // 2]


@pytest.mark.parametrize("payload", [{"order": 7}, [1], "text", None, True])
def test_a_truncated_payload_is_no_json(payload: Any) -> None:
    cut = buffered("truncate", payload)
    with pytest.raises(ValueError):
        json.loads(cut)


def test_a_replaced_body_is_another() -> None:
    after = json.loads(buffered("replace", {"statusCode": 200, "body": "x"}, "<html>502</html>"))
    assert after["body"] == "<html>502</html>"
    assert buffered("replace", {"order": 7}, "é") == "é".encode()
    assert b"fault injected" in buffered("replace", {"order": 7})
    assert json.loads(buffered("replace", {"statusCode": 200, "body": "x"}, ""))["body"] == ""


def test_a_payload_is_hit_with_its_status_and_headers() -> None:
    answered = {"statusCode": 200, "headers": {"a": "b"}, "body": "x"}
    text = json.dumps(answered).encode()
    assert buffered("truncate", text, scope="payload") == text[: len(text) // 2]
    assert buffered("replace", text, "é", scope="payload") == "é".encode()
    with pytest.raises(UnicodeDecodeError):
        buffered("garble", text, scope="payload").decode()


def test_what_follows_sees_the_payload_that_was_put_there() -> None:
    answer = Answer(b'{"statusCode": 200, "body": "x"}')
    assert answer.http
    answer.http.change_headers({"a": "b"})
    assert rewrite("replace", '{"statusCode": 500, "body": "y"}', "payload").whole(answer)
    assert answer.http
    answer.http.change_headers({"c": "d"})
    assert json.loads(answer.payload()) == {"statusCode": 500, "body": "y", "headers": {"c": "d"}}


def test_what_stays_the_same_was_not_changed() -> None:
    answer = Answer(b"")
    assert not rewrite("truncate", scope="payload").whole(answer)
    assert answer.payload() == b""


@pytest.mark.parametrize("mode", ["truncate", "garble"])
def test_an_empty_body_has_nothing_to_corrupt(mode: str) -> None:
    answer = Answer(b'{"statusCode": 204}')
    assert not rewrite(mode).whole(answer)
    assert answer.payload() == b'{"statusCode": 204}'


def test_a_stream_is_cut_in_its_first_piece() -> None:
    assert streamed("truncate", [b"abcdef", b"gh", b"ij"]) == [b"abc", b"", b"", b""]


def test_a_garbled_stream_is_no_text_in_any_piece() -> None:
    for piece in streamed("garble", [b"abc", b"{}", b"x"])[:-1]:
        with pytest.raises(UnicodeDecodeError):
            piece.decode()


def test_a_replaced_stream_is_the_replacement() -> None:
    first, *others = streamed("replace", [b"abc", b"def"])
    assert b"fault injected" in first
    assert others == [b"", b""]


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_s_prelude_is_not_hit(mode: str) -> None:
    prelude = b'{"statusCode": 201}' + SEPARATOR
    out = b"".join(streamed(mode, [prelude, b"abcdef"], http=True))
    assert out.startswith(prelude)
    assert out != prelude + b"abcdef"


def test_a_long_text_does_not_grow() -> None:
    text = "ab" * (3 << 20)
    payload = json.dumps({"statusCode": 200, "body": text}).encode()
    after = buffered("garble", payload)
    assert len(after) == len(payload)
    assert json.loads(after)["body"] == "?b" * (3 << 20)
