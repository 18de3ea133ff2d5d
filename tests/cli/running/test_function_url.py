"""A function URL: what requests become for the function, and its results for the client."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_in_endpoint import Gate, Notes, StandIn

from faultlayer_cli.running.environments import Environments
from faultlayer_cli.running.function_url import FunctionUrl, Malformed, event, reply
from faultlayer_cli.running.invoke_api import LIMIT
from faultlayer_cli.running.web_server import Reply, Request


def request(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    **more: Any,
) -> Request:
    return Request(method, path, query, "HTTP/1.1", headers, body, port=9748, **more)


def test_the_event_has_the_shape_of_payload_format_2():
    headers = (
        ("host", "localhost:9748"),
        ("user-agent", "curl/8"),
        ("x-one", "a"),
        ("cookie", "a=1;b=2; "),
        ("x-amz-client-context", "e30="),
        ("x-one", "b"),
        ("cookie", "c=3"),
        ("x-forwarded-for", "9.9.9.9"),
    )
    made = event(request("PATCH", "/a%2Fb/c", "x=1&x=2&y=%20z&flag", headers), "my-id")
    now = made["requestContext"].pop("timeEpoch")
    assert abs(now / 1000 - time.time()) < 60
    said = made["requestContext"].pop("time")
    assert said == time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now // 1000))
    assert made == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%2Fb/c",
        "rawQueryString": "x=1&x=2&y=%20z&flag",
        "cookies": ["a=1", "b=2", "c=3"],
        "headers": {
            "host": "localhost:9748",
            "user-agent": "curl/8",
            "x-amz-client-context": "e30=",
            "x-one": "a,b",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "9748",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"x": "1,2", "y": " z", "flag": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "localhost:9748",
            "domainPrefix": "local",
            "http": {
                "method": "PATCH",
                "path": "/a%2Fb/c",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "my-id",
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("kind", "encoding", "body", "text"),
    [
        ("text/plain; charset=utf-8", "", "zwölf".encode(), "zwölf"),
        ("Application/JSON", "", b"{}", "{}"),
        ("application/problem+json;a=b", "", b"{}", "{}"),
        ("image/svg+xml", "", b"<svg/>", None),
        ("application/soap+xml", "", b"<x/>", "<x/>"),
        ("application/x-www-form-urlencoded", "", b"a=1", None),
        ("application/octet-stream", "", b"abc", None),
        ("", "", b"abc", None),
        ("text/plain", "", b"\xff", None),
        ("application/json", "gzip", b"\x1f\x8b", None),
    ],
)
def test_a_body_is_text_or_base64_by_its_type(
    kind: str, encoding: str, body: bytes, text: str | None
):
    named = (("content-type", kind), ("content-encoding", encoding))
    made = event(request("POST", headers=named, body=body), "id")
    assert made["isBase64Encoded"] is (text is None)
    assert made["body"] == (base64.b64encode(body).decode() if text is None else text)


@given(st.binary(min_size=1), st.sampled_from(["text/plain", "application/json", "image/png"]))
def test_every_body_reaches_the_function_and_comes_back(body: bytes, kind: str):
    made = event(request("POST", headers=(("content-type", kind),), body=body), "id")
    answer = {name: made[name] for name in ("body", "isBase64Encoded")} | {"statusCode": 200}
    assert reply(json.dumps(answer).encode()).body == body


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'"Hello, world!"', b'"Hello, world!"'),
        (b'{ "message": "Hello" }', b'{ "message": "Hello" }'),
        (b"null", b"null"),
        (b"[1]", b"[1]"),
        (b'{"body": "x"}', b'{"body": "x"}'),
    ],
)
def test_json_without_a_status_is_the_body(payload: bytes, expected: bytes):
    assert reply(payload) == Reply(200, expected, (("content-type", "application/json"),))


def test_a_result_that_is_a_response():
    result = {
        "statusCode": 201,
        "headers": {
            "Content-Type": "image/png",
            "X-Number": 5,
            "x-truth": True,
            "Content-Length": "99",
            "Connection": "close",
            "Transfer-Encoding": "chunked",
        },
        "cookies": ["a=1; Secure", "b=2"],
        "body": base64.b64encode(b"\x89PNG").decode(),
        "isBase64Encoded": True,
        "more": "is ignored",
    }
    assert reply(json.dumps(result).encode()) == Reply(
        201,
        b"\x89PNG",
        (
            ("content-type", "image/png"),
            ("x-number", "5"),
            ("x-truth", "true"),
            ("set-cookie", "a=1; Secure"),
            ("set-cookie", "b=2"),
        ),
    )
    bare = reply(b'{"statusCode": "404"}')
    assert bare == Reply(404, b"", (("content-type", "application/json"),))
    assert reply(b'{"statusCode": 200, "body": null, "headers": null, "cookies": null}').body == b""


def test_a_streamed_result_comes_as_a_whole():
    head = b'{"statusCode":201,"headers":{"x":"y"},"cookies":["a=1"]}'
    body = b"\0binary" + bytes(16)
    found = reply(head + bytes(8) + body)
    assert found == Reply(201, body, (("x", "y"), ("set-cookie", "a=1")))
    assert reply(b"{}" + bytes(8)) == Reply(200)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("nonsense", "it is not JSON"),
        ({"statusCode": 99}, "statusCode is 99"),
        ({"statusCode": 600}, "statusCode is 600"),
        ({"statusCode": True}, "statusCode is true"),
        ({"statusCode": "many"}, 'statusCode is "many"'),
        ({"statusCode": None}, "statusCode is null"),
        ({"statusCode": 200, "body": {"a": 1}}, "body is not a text"),
        ({"statusCode": 200, "body": "*", "isBase64Encoded": True}, "body is not base64"),
        ({"statusCode": 200, "body": "\ud800"}, "half a surrogate pair"),
        ({"statusCode": 200, "headers": []}, None),
        ({"statusCode": 200, "headers": ["a"]}, "headers is not an object"),
        ({"statusCode": 200, "headers": {"a": ["b"]}}, "the header a is not a text"),
        ({"statusCode": 200, "headers": {"a b": "c"}}, "no header like 'a b'"),
        ({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, "no header like 'a'"),
        ({"statusCode": 200, "cookies": "a=1"}, "cookies is not a list"),
        ({"statusCode": 200, "cookies": ["a=1\n"]}, "no header like 'set-cookie'"),
    ],
)
def test_a_result_that_is_no_response(result: Any, said: str | None):
    payload = result.encode() if isinstance(result, str) else json.dumps(result).encode()
    if said is None:
        assert reply(payload).status == 200
        return
    with pytest.raises(Malformed, match=said):
        reply(payload)


def ask(behave: Any, asked: Request) -> tuple[Reply, list[str], StandIn]:
    place, notes = StandIn(1, behave), Notes()
    environments = Environments(lambda number: place, 1)
    try:
        found = asyncio.run(FunctionUrl(environments, notes).answer(asked))
    finally:
        environments.close()
    return found, notes.all, place


def test_the_id_of_the_invocation_is_in_the_event_and_in_the_answer():
    found, notes, place = ask(
        lambda payload: b"1", request(headers=(("x-amz-client-context", "!"),))
    )
    identifier = dict(found.headers)["x-amzn-requestid"]
    assert json.loads(place.given[0])["requestContext"]["requestId"] == identifier
    assert place.headers == [{"x-amzn-requestid": identifier}]
    assert notes == []


def test_a_function_error_is_a_502_and_nobody_learns_why():
    error = b'{"errorType": "E", "errorMessage": "secret", "stackTrace": []}'
    found, notes, _ = ask(lambda payload: error, request())
    assert (found.status, found.body) == (502, b'{"Message":"Internal Server Error"}')
    assert notes == [], "the log has it"


def test_a_result_that_is_no_response_is_a_502_and_a_line_says_why():
    found, notes, _ = ask(lambda payload: b'{"statusCode": 200, "body": {}}', request(path="/x"))
    assert found.status == 502
    assert notes == ["GET /x: the function's result is no HTTP response: body is not a text"]


def test_an_event_that_is_too_large_for_lambda():
    assert ask(bytes, request(too_large=True))[0].status == 413
    text = (("content-type", "text/plain"),)
    body = b"x" * (LIMIT - 2000)
    found, _, place = ask(lambda payload: b"1", request("PUT", headers=text, body=body))
    assert (found.status, len(place.given)) == (200, 1)
    # Lambda counts the base64 of a binary body, which is longer.
    assert ask(lambda payload: b"1", request("PUT", body=body))[0].status == 413


def test_beyond_the_limit():
    gate = Gate()
    environments = Environments(lambda number: StandIn(number, gate), 1)
    environments.invoke(b"{}", {})
    gate.entered()
    found = asyncio.run(FunctionUrl(environments).answer(request()))
    assert (found.status, dict(found.headers)["x-amzn-errortype"]) == (
        429,
        "TooManyRequestsException",
    )
    gate.open()
    environments.close()
