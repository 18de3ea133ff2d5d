"""HEADERS: set and removed in answers of any shape that has some."""

from __future__ import annotations

import json

from faultlayer.vocabulary.actions import Rewrite
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.streamed import SEPARATOR, Stream
from unit.faults.decided import decided

CORS = '{"access-control-allow-origin":null,"x-new":"1"}'


def test_headers_are_changed_in_a_response() -> None:
    action = decided(HEADERS=CORS)
    assert isinstance(action, Rewrite)
    answer = Answer(b'{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"},"body":"x"}')
    assert action.whole(answer)
    assert json.loads(answer.payload()) == {
        "statusCode": 200,
        "headers": {"x-new": "1"},
        "body": "x",
    }


def test_what_has_no_headers_is_left_alone() -> None:
    action = decided(HEADERS=CORS)
    answer = Answer(b'{ "order": 7 }')
    assert not action.whole(answer)
    assert answer.payload() == b'{ "order": 7 }'
    stream = Stream(http=False, rewrite=lambda passing: None)
    assert not action.stream(stream)


def test_headers_are_changed_in_a_stream_s_prelude() -> None:
    action = decided(HEADERS=CORS)
    applied: list[bool] = []
    stream = Stream(http=True, rewrite=lambda passing: applied.append(action.stream(passing)))
    out = stream.feed(b'{"headers":{"ACCESS-CONTROL-ALLOW-ORIGIN":"*"}}' + SEPARATOR + b"body")
    prelude, _, body = out.partition(SEPARATOR)
    assert (json.loads(prelude), body, applied) == ({"headers": {"x-new": "1"}}, b"body", [True])
