"""Lambda's Invoke API: what a caller gets for each end of an invocation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest
from stand_in_endpoint import Behaviour, Gate, StandIn

from faultlayer_cli.running.environments import Environments
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.invoke_api import LIMIT, InvokeApi
from faultlayer_cli.running.web_server import Reply, Request

PATH = "/2015-03-31/functions/function/invocations"
Ask = Callable[..., Reply]


class Api:
    """The API before one stand-in."""

    def __init__(self, behave: Behaviour) -> None:
        self.place = StandIn(1, behave)
        self.environments = Environments(lambda number: self.place, 1)
        self._api = InvokeApi(self.environments, "orders")

    def ask(
        self, body: bytes = b"{}", path: str = PATH, method: str = "POST", **more: str
    ) -> Reply:
        headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
        request = Request(method, path, "", "HTTP/1.1", headers, body)
        return asyncio.run(self._api.answer(request))


@pytest.fixture
def api() -> Iterator[Callable[[Behaviour], Api]]:
    made: list[Api] = []

    def start(behave: Behaviour) -> Api:
        made.append(Api(behave))
        return made[-1]

    yield start
    for one in made:
        one.environments.close()


def headers(reply: Reply) -> dict[str, str]:
    return dict(reply.headers)


def test_a_result(api):
    one = api(lambda payload: b'{"seen": ' + payload + b"}")
    reply = one.ask(b'{"a": 1}', x_amzn_requestid="my-id", x_amz_client_context="e30=")
    assert (reply.status, reply.body) == (200, b'{"seen": {"a": 1}}')
    assert headers(reply) == {
        "content-type": "application/json",
        "x-amz-executed-version": "$LATEST",
        "x-amzn-requestid": "my-id",
    }
    assert one.place.headers == [{"x-amz-client-context": "e30=", "x-amzn-requestid": "my-id"}]
    assert len(headers(one.ask(x_amzn_requestid="no\tid"))["x-amzn-requestid"]) == 36
    assert one.ask(b"").body == b'{"seen": {}}'


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"errorType": "E", "errorMessage": "m", "requestId": "1", "stackTrace": []}'),
        (200, b'{"errorMessage": "m", "errorType": "E"}'),
        (502, b'{"errorType":"Runtime.ExitError","errorMessage":"exit status 3"}'),
    ],
)
def test_a_function_error(api, status: int, body: bytes):
    reply = api(lambda payload: Response(status, {}, body, 0)).ask()
    assert (reply.status, reply.body) == (200, body)
    assert headers(reply)["x-amz-function-error"] == "Unhandled"


def test_a_result_that_is_no_function_error(api):
    for body in (b'{"errorMessage": "m", "statusCode": 400}', b"no JSON", b""):
        reply = api(lambda payload, body=body: body).ask()
        assert (reply.status, reply.body) == (200, body)
        assert "x-amz-function-error" not in headers(reply)


def test_trouble_of_the_emulator_is_lambdas(api):
    reply = api(lambda payload: Response(500, {}, b"gate closed", 0)).ask()
    assert reply.status == 500
    assert headers(reply)["x-amzn-errortype"] == "ServiceException"
    assert json.loads(reply.body)["message"] == "the emulator answered with status 500: gate closed"


def test_beyond_the_limit(api):
    gate = Gate()
    one = api(gate)
    one.environments.invoke(b"{}", {})
    gate.entered()
    reply = one.ask()
    assert reply.status == 429
    assert headers(reply)["x-amzn-errortype"] == "TooManyRequestsException"
    assert reply.body == (
        b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User",'
        b'"message":"Rate Exceeded."}'
    )
    gate.open()


def test_asynchronous_and_dry(api):
    gate = Gate()
    one = api(gate)
    assert one.ask(x_amz_invocation_type="DryRun").status == 204
    assert [one.ask(b"%d" % n, x_amz_invocation_type="Event").status for n in (1, 2)] == [202, 202]
    gate.entered()
    gate.open()
    gate.entered()
    gate.open()
    assert one.place.given == [b"1", b"2"]
    large = b'"' + b"x" * (1 << 20) + b'"'
    assert one.ask(large, x_amz_invocation_type="Event").status == 413


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ({"body": b"{"}, 400, "InvalidRequestContentException"),
        ({"body": b"\xff"}, 400, "InvalidRequestContentException"),
        ({"x_amz_client_context": "!!!"}, 400, "InvalidRequestContentException"),
        ({"x_amz_client_context": "MQ=="}, 400, "InvalidRequestContentException"),
        ({"x_amz_invocation_type": "event"}, 400, "InvalidParameterValueException"),
        ({"body": b'"' + b"x" * LIMIT + b'"'}, 413, "RequestTooLargeException"),
        ({"method": "GET"}, 405, "MethodNotAllowedException"),
        ({"path": "/"}, 404, "UnknownOperationException"),
        ({"path": PATH.replace("/function/", "/other/")}, 404, "ResourceNotFoundException"),
        (
            {"path": "/2021-11-15/functions/function/response-streaming-invocations"},
            501,
            "NotImplementedException",
        ),
    ],
)
def test_refusals(api, asked, status: int, kind: str):
    one = api(lambda payload: b"1")
    reply = one.ask(**asked)
    assert (reply.status, headers(reply)["x-amzn-errortype"]) == (status, kind)
    assert json.loads(reply.body)["message"]
    assert one.place.given == []


@pytest.mark.parametrize(
    "name",
    [
        "orders",
        "orders:live",
        "function:orders",
        "012345678912:function:orders",
        "arn:aws:lambda:us-east-1:012345678912:function:orders",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A012345678912%3Afunction%3Aorders%3Alive",
    ],
)
def test_the_function_by_its_own_name(api, name: str):
    assert api(lambda payload: b"1").ask(path=PATH.replace("/function/", f"/{name}/")).status == 200


def test_an_event_too_deep_for_us_may_not_be_too_deep_for_the_function(api):
    assert api(lambda payload: b"1").ask(b"[" * 100_000 + b"]" * 100_000).status == 200
