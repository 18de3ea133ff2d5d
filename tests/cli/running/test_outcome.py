"""What the caller gets of an invocation, and whether the function failed."""

from __future__ import annotations

import json

import pytest

from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.outcome import outcome

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
EXIT = f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {ID} Error: Runtime exited"}}'
LARGE = '{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload exceeded 6"}'
START = '{"errorMessage": "no table", "errorType": "KeyError", "requestId": "", "stackTrace": []}'


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, '{"errorMessage":"no\\norder","errorType":"E","stackTrace":[]}', "E: no order"),
        (200, '{"errorType":"E","errorMessage":"m","trace":["a"]}', "E: m"),
        (200, '{"errorType":"","errorMessage":"m","cause":null}', "m"),
        (200, '{"errorType":"java.lang.E","errorMessage":null,"stackTrace":[]}', "java.lang.E"),
        (502, EXIT, "its process ended: Runtime exited"),
        (200, EXIT, "its process ended: Runtime exited"),
        (502, START, "it did not start: KeyError: no table"),
        (502, LARGE, "Function.ResponseSizeTooLarge: Response payload exceeded 6"),
        (500, "<p>\nwhat", "the emulator answered with status 500: <p> what"),
    ],
)
def test_a_failure_is_one_line_and_the_payload_stays(status: int, body: str, told: str) -> None:
    ended = outcome(Response(status, {}, body.encode(), 0.1), ID)
    assert ended.failure == told
    assert ended.payload == body.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"",
        b'"Task timed out after 1.00 seconds"',
        b"\xff\xfe",
        b'{"statusCode": 503}',
        b'{"errorType": "E"}',
        b'{"errorType": "E", "errorMessage": 7}',
        b'{"errorType": "E", "errorMessage": null}',
        b"[" * 100_000,
        b'{"errorType": "E", "errorMessage": "m", "order": 1}',
        b'[{"errorType": "E", "errorMessage": "m"}]',
    ],
)
def test_any_other_result_is_none(body: bytes) -> None:
    ended = outcome(Response(200, {}, body, 0.1), ID)
    assert (ended.payload, ended.failure) == (body, "")


def test_a_timeout_is_told_as_lambda_tells_it() -> None:
    ended = outcome(Response(200, {}, b"Task timed out after 3.00 seconds", 3.0), ID)
    assert ended.failure == "it timed out: Task timed out after 3.00 seconds"
    assert json.loads(ended.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {ID} Error: Task timed out after 3.00 seconds",
    }


def test_a_long_message_is_cut() -> None:
    body = json.dumps({"errorType": "E", "errorMessage": "x" * 5000}).encode()
    assert len(outcome(Response(200, {}, body, 0.1), ID).failure) < 320
