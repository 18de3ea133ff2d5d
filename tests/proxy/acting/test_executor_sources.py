"""Event sources read no HTTP answer: nothing may acknowledge what the function never saw."""

from __future__ import annotations

import json

import pytest

from fakes.proxied import Address, Logged, Proxied, start
from fakes.runtime import HTTP_STREAM, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PRELUDE, run
from faultlayer.vocabulary.registry import PREFIX

SQS = b'{"Records":[{"messageId":"m1","body":"{}","eventSource":"aws:sqs"}]}'
KAFKA = b'{"eventSource":"aws:kafka","records":{"orders-0":[{"offset":1}]}}'
BUS = b'{"source":"my.app","detail-type":"order","detail":{}}'
COGNITO = b'{"triggerSource":"PreSignUp_SignUp","userPoolId":"p","request":{}}'
FAILED = b'{"batchItemFailures":[{"itemIdentifier":"m1"}]}'
URL = b'{"version":"2.0","requestContext":{"http":{"method":"GET"}}}'

FLAGS = {"statuscode": {"enabled": True, "status_code": 503}}
CHAOS = "CHAOS_EXTENSION__RESPONSE__ENABLE_CHANGE_RESPONSE_BODY"
PROBABILITY = "CHAOS_EXTENSION__RESPONSE__CHANGE_RESPONSE_PROBABILITY"
ARMED: dict[str, dict[str, str]] = {
    "before": {"STATUS": "503"},
    "after": {"STATUS": "503", "STATUS_WHEN": "after"},
    "replace": {"CORRUPTION": "replace"},
    "replace all": {"CORRUPTION": "replace", "CORRUPTION_SCOPE": "payload"},
    "truncate": {"CORRUPTION": "truncate"},
    "garble": {"CORRUPTION": "garble"},
    "headers": {"HEADERS": '{"x-a":"1"}'},
    "padding": {"OVERSIZE": "1KB"},
    "a plan": {"PLAN": '{"faults":[{"fault":"status","code":503}]}'},
    "failure-lambda": {"PLAN": json.dumps(FLAGS)},
    "chaos-lambda-extension": {CHAOS: "true", PROBABILITY: "1"},
}


def armed(api: RuntimeApi, variables: dict[str, str]) -> Address:
    """A proxy with these variables, other tools' by their own names."""
    ours = {
        name if name in (CHAOS, PROBABILITY) else PREFIX + name: variables[name]
        for name in variables
    }
    return start(api.address, ours)


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultlayer.targeting.injection._logged", set())


@pytest.mark.parametrize("event", [SQS, KAFKA, BUS], ids=["SQS", "Kafka", "EventBridge"])
@pytest.mark.parametrize("variables", ARMED.values(), ids=ARMED)
def test_a_batch_is_never_acknowledged_by_a_fault(
    api: RuntimeApi, logged: Logged, event: bytes, variables: dict[str, str]
) -> None:
    address = armed(api, variables)
    for _ in range(2):
        invoked, seen = run(api, address, FAILED, payload=event)
        assert seen.content == event
        assert invoked.content == FAILED
    (line,) = logged()
    assert (line["event"], line["level"]) == ("fault_not_applied", "warn")
    assert "the event is from" in line["message"]
    assert line["request_id"]


@pytest.mark.parametrize("variables", ARMED.values(), ids=ARMED)
def test_nor_by_one_that_answers_in_a_stream(
    api: RuntimeApi, logged: Logged, variables: dict[str, str]
) -> None:
    address = armed(api, variables)
    invoked = api.invoke(SQS)
    with Runtime(address) as runtime:
        pieces = PRELUDE + NULS, FAILED
        assert runtime.stream(runtime.next(), *pieces, headers=HTTP_STREAM).status == 202
    assert invoked.result().content == PRELUDE + NULS + FAILED
    assert [line["event"] for line in logged()] == ["fault_not_applied"]


@pytest.mark.parametrize("variables", ARMED.values(), ids=ARMED)
@pytest.mark.parametrize("size", [7 << 20, 9 << 20])
def test_nor_is_one_that_is_too_large_to_be_read(
    api: RuntimeApi, logged: Logged, variables: dict[str, str], size: int
) -> None:
    event = SQS.replace(b"{}", b"x" * size)
    invoked, seen = run(api, armed(api, variables), FAILED, payload=event)
    assert seen.content == event
    assert invoked.content == FAILED
    (line,) = logged()
    assert line["event"] == "fault_not_applied"
    assert "not known" in line["message"]


def test_a_caller_of_another_shape_gets_no_status(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, STATUS="503", HEADERS='{"x-a":"1"}')
    assert run(api, address, b'{"response":{}}', payload=COGNITO)[0].content == b'{"response":{}}'
    said = [(line["event"], line["fault"]) for line in logged()]
    assert said == [("fault_not_applied", "status"), ("fault_not_applied", "headers")]
    address = proxied(api, CORRUPTION="replace")
    assert run(api, address, b'{"response":{}}', payload=COGNITO)[0].json != {"response": {}}


def test_what_is_not_applied_does_not_count(api: RuntimeApi, proxied: Proxied) -> None:
    address = proxied(api, STATUS="503", STATUS_MAX="1", STATUS_WHEN="after")
    assert run(api, address, FAILED, payload=SQS)[0].content == FAILED
    assert run(api, address, payload=URL)[0].json["statusCode"] == 503


@pytest.mark.parametrize("event", [URL, b"{}", b'{"order":7}', b'"x"', b"5"])
def test_fronts_and_direct_callers_get_it(
    api: RuntimeApi, proxied: Proxied, logged: Logged, event: bytes
) -> None:
    address = proxied(api, STATUS="503", STATUS_WHEN="after")
    assert run(api, address, payload=event)[0].json["statusCode"] == 503
    assert [line["event"] for line in logged()] == ["fault_injected"]


@pytest.mark.parametrize(
    "variables",
    [
        {"STATUS": "503", "STATUS_WHEN": "after", "STATUS_SOURCES": "any"},
        {"PLAN": '{"faults":[{"fault":"status","code":503,"when":"after","sources":"any"}]}'},
        {"CORRUPTION": "replace", "CORRUPTION_SOURCES": "any"},
        {"EXCEPTION": "E: x", "EXCEPTION_WHEN": "after"},
    ],
)
def test_what_is_meant_is_done(
    api: RuntimeApi, proxied: Proxied, logged: Logged, variables: dict[str, str]
) -> None:
    invoked = api.invoke(SQS)
    with Runtime(proxied(api, **variables)) as runtime:
        runtime.respond(runtime.next(), FAILED)
    assert invoked.result().content != FAILED
    assert [line["event"] for line in logged("fault_injected")] == ["fault_injected"]


def test_an_answer_that_lambda_refuses_is_a_failure_there_too(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    api.invoke(SQS)
    with Runtime(proxied(api, OVERSIZE="7MB")) as runtime:
        assert runtime.respond(runtime.next(), FAILED).status == 413
    assert [line["event"] for line in logged("fault_injected")] == ["fault_injected"]
