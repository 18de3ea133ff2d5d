"""The stand-in for an HTTP API: what it makes of requests and of answers."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import gateway
from fakes.gateway import Gateway


@given(st.binary(min_size=1))
def test_every_body_reaches_the_function_and_comes_back(body):
    event = gateway.event("POST", "/a?b=1", {"Content-Type": "application/octet-stream"}, body)
    answer = {
        "statusCode": 200,
        "body": event["body"],
        "isBase64Encoded": event["isBase64Encoded"],
    }
    assert gateway.response(json.dumps(answer).encode()).body == body


def test_the_event_is_of_version_2():
    headers = {"Origin": "http://a.example", "Cookie": "a=1; b=2"}
    event = gateway.event("OPTIONS", "/drinks?size=s&size=m&to=go", headers, b"")
    assert event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/drinks", "size=s&size=m&to=go")
    assert event["requestContext"]["http"]["method"] == "OPTIONS"
    assert event["headers"] == {"origin": "http://a.example"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["queryStringParameters"] == {"size": "s,m", "to": "go"}
    assert "body" not in event


@pytest.mark.parametrize(
    "answer, status, body",
    [
        (b'{"greeting":"hello"}', 200, b'{"greeting":"hello"}'),
        (b'{"statusCode":"201","body":"made"}', 201, b"made"),
        (b'{"statusCode":204}', 204, b""),
        (b'{"errorType":"E","errorMessage":"m"}', 500, b'{"message":"Internal Server Error"}'),
        (b"not JSON", 500, b'{"message":"Internal Server Error"}'),
        (b'{"statusCode":"many"}', 500, b'{"message":"Internal Server Error"}'),
    ],
)
def test_what_an_answer_becomes(answer, status, body):
    made = gateway.response(answer)
    assert (made.status, made.body) == (status, body)


def test_over_http_headers_and_cookies_arrive_and_what_was_asked_is_known():
    answer = {
        "statusCode": 404,
        "headers": {"x-why": "gone"},
        "cookies": ["a=1", "b=2"],
        "body": base64.b64encode(b"\xff").decode(),
        "isBase64Encoded": True,
    }
    with Gateway(lambda event: json.dumps(answer).encode()) as served:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(served.url + "/x", timeout=30)
        with refused.value as got:
            assert (got.code, got.headers["x-why"], got.read()) == (404, "gone", b"\xff")
            assert got.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert served.asked == [("GET", 404)]
