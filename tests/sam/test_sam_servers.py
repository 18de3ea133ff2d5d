"""`sam local start-api`, asked over HTTP, and `sam local start-lambda`, asked through boto3.

Warm containers, as a user would choose for more than one request: without them `sam` builds the
image anew each time.
"""

from __future__ import annotations

import contextlib
import json

import boto3
import pytest
from botocore.config import Config

from sam.sam_cli import REGION, ROOT, durations, lines

HELLO = (ROOT / "examples" / "hello" / "event.json").read_text()
ORDERS = (ROOT / "examples" / "orders" / "event.json").read_text()
GREETING = "Hello, Ada!"

pytestmark = pytest.mark.usefixtures("python")


@pytest.fixture
def api(sam, options):
    """`sam local start-api` with these parameters."""
    with contextlib.ExitStack() as stack:
        warm = ["--warm-containers", "LAZY"]
        yield lambda **given: stack.enter_context(sam.serve("start-api", *warm, *options(**given)))


@pytest.fixture
def lambdas(sam, options):
    """`sam local start-lambda` with these parameters, and what boto3 is answered there."""
    with contextlib.ExitStack() as stack:

        def start(**given):
            warm = ["--warm-containers", "LAZY"]
            server = stack.enter_context(sam.serve("start-lambda", *warm, *options(**given)))
            client = boto3.client(
                "lambda",
                endpoint_url=server.url,
                region_name=REGION,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(read_timeout=60, retries={"total_max_attempts": 1}),
            )

            def ask(function, event):
                answer = client.invoke(FunctionName=function, Payload=event)
                return answer.get("FunctionError"), json.load(answer["Payload"])

            return server, ask

        yield start


def test_api_untouched(api, node):
    server = api()
    status, body = server.get("/hello?name=Ada")
    assert (status, body["greeting"]) == (200, GREETING)
    status, body = server.get("/hello-node?name=Ada")
    assert (status, body["greeting"]) == (200, GREETING)
    assert lines(server.log) == []


def test_api_latency(api):
    server = api(FaultLatency="300ms")
    for _ in range(2):
        status, body = server.get("/hello?name=Ada")
        assert (status, body["greeting"]) == (200, GREETING)
    assert [(line["fault"], line["delay_ms"]) for line in server.injected(2)] == [
        ("latency", 300),
        ("latency", 300),
    ]
    assert min(durations(server.log)) >= 300


def test_api_status(api):
    server = api(FaultStatus="429")
    status, body = server.get("/hello?name=Ada")
    assert (status, body) == (429, {"message": "fault injected: status 429"})
    assert [(line["fault"], line["status"]) for line in server.injected(1)] == [("status", 429)]
    assert "greeting" not in server.log


def test_api_exception(api):
    """What an HTTP API makes of a function error."""
    server = api(FaultException="ValueError: no such order")
    status, body = server.get("/hello?name=Ada")
    assert status == 500
    assert "order" not in json.dumps(body)
    assert [line["fault"] for line in server.injected(1)] == ["exception"]
    assert "greeting" not in server.log


def test_lambda_untouched(lambdas):
    server, ask = lambdas()
    error, answer = ask("HelloPython", HELLO)
    assert (error, json.loads(answer["body"])["greeting"]) == (None, GREETING)
    error, answer = ask("OrdersPython", ORDERS)
    assert (error, len(answer["batchItemFailures"])) == (None, 1)
    assert lines(server.log) == []


def test_lambda_latency(lambdas):
    server, ask = lambdas(FaultLatency="300ms")
    error, answer = ask("HelloPython", HELLO)
    assert (error, json.loads(answer["body"])["greeting"]) == (None, GREETING)
    assert [(line["fault"], line["delay_ms"]) for line in server.injected(1)] == [("latency", 300)]
    assert min(durations(server.log)) >= 300


def test_lambda_status(lambdas):
    server, ask = lambdas(FaultStatus="503")
    error, answer = ask("HelloPython", HELLO)
    assert (error, answer["statusCode"]) == (None, 503)
    assert [(line["fault"], line["status"]) for line in server.injected(1)] == [("status", 503)]
    assert "greeting" not in server.log


def test_lambda_exception(lambdas):
    server, ask = lambdas(FaultException="ValueError: no such order")
    error, answer = ask("OrdersPython", ORDERS)
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "no such order")
    assert [line["fault"] for line in server.injected(1)] == ["exception"]
    assert "shipping" not in server.log
