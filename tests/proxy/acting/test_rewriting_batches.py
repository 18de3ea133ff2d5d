"""Batches of which a share is reported as failed, end to end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import run, streamed

IDS = [f"m-{number}" for number in range(10)]
SQS = json.dumps({"Records": [{"messageId": i, "eventSource": "aws:sqs"} for i in IDS]}).encode()


def failures(answer: Any) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_a_share_is_reported_the_same_for_a_seed_and_a_request_id(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    runs = []
    for _ in range(2):
        address = proxied(api, BATCH="30%", SEED="7")
        answers = [
            run(api, address, b"null", payload=SQS, request_id=f"id-{number}")[0].json
            for number in range(5)
        ]
        api.given.clear()
        runs.append([failures(answer) for answer in answers])
    assert runs[0] == runs[1]
    assert all(len(names) == 3 and set(names) < set(IDS) for names in runs[0])
    assert len({tuple(names) for names in runs[0]}) > 1
    lines = logged("fault_injected")
    assert [(line["failed"], line["records"]) for line in lines] == [(3, 10)] * 10


def test_what_the_function_reports_stays(api: RuntimeApi, proxied: Proxied) -> None:
    own = json.dumps({"batchItemFailures": [{"itemIdentifier": IDS[4]}]}).encode()
    invoked, _ = run(api, proxied(api, BATCH="1"), own, payload=SQS)
    assert failures(invoked.json) == [IDS[4], *IDS[:4], *IDS[5:]]


def test_other_events_and_errors_are_left_alone(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faultlayer.targeting.injection._logged", set())
    address = proxied(api, BATCH="1", BATCH_MAX="1")
    for payload in (b"{}", b"5", b"{"):
        assert run(api, address, b'{ "a": 1}', payload=payload)[0].content == b'{ "a": 1}'
    assert [line["event"] for line in logged()] == ["fault_not_applied"]
    invoked = api.invoke(SQS)
    with Runtime(address) as runtime:
        assert runtime.fail(runtime.next()).status == 202
    assert invoked.result().kind == "error"
    every = json.dumps({"batchItemFailures": [{"itemIdentifier": i} for i in IDS]}).encode()
    assert run(api, address, every, payload=SQS)[0].content == every, "all failed already"
    assert not logged("fault_injected")
    assert failures(run(api, address, b"null", payload=SQS)[0].json) == IDS
    assert run(api, address, b"null", payload=SQS)[0].content == b"null"  # MAX is used up now
    assert len(logged("fault_injected")) == 1


def test_a_stream_is_no_report(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, BATCH="1", BATCH_MATCH="a")
    assert streamed(api, address, b"{}", http=False).content == b"{}"
    assert not logged("fault_injected")


def test_with_others(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, BATCH="1", EVENT='{"Records.0.body":"{"}', DUPLICATE="2", LATENCY="1ms")
    invoked = api.invoke(SQS)
    with Runtime(address) as runtime:
        for _ in range(2):
            event = runtime.next()
            assert json.loads(event.content)["Records"][0]["body"] == "{"
            assert runtime.respond(event, b"{}").status == 202
    assert failures(invoked.result().json) == IDS
    faults = [line["fault"] for line in logged()]
    assert faults == ["latency", "event", "duplicate", "batch"]
    assert run(api, proxied(api, BATCH="1", DRY_RUN="true"), b"{}", payload=SQS)[0].content == b"{}"
    assert [line["event"] for line in logged()] == ["fault_dry_run"]
