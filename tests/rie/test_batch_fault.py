"""BATCH under the real emulator: what the event source would be told."""

from __future__ import annotations

import json

import pytest

IDS = [f"id-{number}" for number in range(4)]
RECORDS = {
    "sqs": [{"messageId": name, "eventSource": "aws:sqs"} for name in IDS],
    "kinesis": [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": i}} for i in IDS],
    "dynamodb": [{"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": i}} for i in IDS],
}


@pytest.mark.parametrize("records", RECORDS.values(), ids=RECORDS)
def test_a_share_of_the_records_is_reported_beside_the_function_s_own(run, records):
    function = run(handler="records.handler", FAULTLAYER_BATCH="50%", FAULTLAYER_SEED="3")
    event = {"Records": records, "failed": [IDS[0]]}
    answers = [function.invoke(event, "8476a536-e9f4-11e8-9739-2dfe598c3fcd") for _ in range(2)]
    assert answers[0].body == answers[1].body, "the seed and the request id say which"
    names = [item["itemIdentifier"] for item in json.loads(answers[0].body)["batchItemFailures"]]
    assert names[0] == IDS[0]
    assert len(names) == len(set(names)) in (2, 3)
    assert set(names) < set(IDS)
    (line, _) = function.lines("fault_injected")
    assert (line["fault"], line["failed"], line["records"]) == ("batch", 2, 4)


def test_other_events_are_left_alone_with_one_line(run):
    function = run(handler="records.handler", FAULTLAYER_BATCH="1")
    for _ in range(2):
        assert json.loads(function.invoke({"failed": ["x"]}).body) == {
            "batchItemFailures": [{"itemIdentifier": "x"}]
        }
    assert not function.lines("fault_injected")
    assert len(function.lines("fault_not_applied")) == 1
