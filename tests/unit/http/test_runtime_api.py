"""The requests we make in the function's place, read by h11."""

from __future__ import annotations

import json

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.http.runtime_api import (
    JSON_HEADERS,
    RESPONSE,
    error_body,
    error_headers,
    post,
    target,
)


def received(data: bytes) -> tuple[h11.Request, bytes]:
    """The one request in these bytes and its body."""
    conn = h11.Connection(h11.SERVER)
    conn.receive_data(data)
    request = conn.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := conn.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert conn.trailing_data == (b"", False)
    return request, body


@given(st.binary(max_size=50), st.sampled_from([b"", b"AbC-1"]))
def test_an_answer_of_ours_is_one_whole_request(body: bytes, invocation_id: bytes) -> None:
    made = post("8476a536", RESPONSE, b"127.0.0.1:9001", invocation_id, JSON_HEADERS, body)
    request, seen = received(made)
    assert request.method == b"POST"
    assert request.target == b"/2018-06-01/runtime/invocation/8476a536/response"
    assert seen == body
    headers = dict(request.headers)
    assert headers[b"host"] == b"127.0.0.1:9001"
    assert headers[b"content-type"] == b"application/json"
    assert headers.get(b"lambda-runtime-invocation-id", b"") == invocation_id


@pytest.mark.parametrize("message", ["no such order", "", 'é\ud800\0\n"\\', "x" * 10_000])
def test_an_error_is_what_lambda_documents(message: str) -> None:
    headers, body = error_headers("com.example.Oops"), error_body("com.example.Oops", message)
    request, seen = received(post("1", b"error", b"x", b"", headers, body))
    assert dict(request.headers)[b"lambda-runtime-function-error-type"] == b"com.example.Oops"
    assert json.loads(seen) == {
        "errorMessage": message,
        "errorType": "com.example.Oops",
        "stackTrace": [],
    }


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("8476a536/response", ("8476a536", b"response")),
        ("8476a536/error", ("8476a536", b"error")),
        ("8476a536", ("8476a536", b"")),
        ("a/b/response", ("a", b"b/response")),
        ("", ("", b"")),
    ],
)
def test_whose_answer_a_request_is(path: str, found: tuple[str, bytes]) -> None:
    line = f"POST /2018-06-01/runtime/invocation/{path} HTTP/1.1\r\nHost: x\r\n\r\n"
    assert target(line.encode()) == found
