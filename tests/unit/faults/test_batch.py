"""BATCH: which records fail, and what is reported of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faultlayer.faults import find_fault
from faultlayer.faults.batch import chosen, identifiers, joined
from faultlayer.vocabulary.actions import Action, Nothing, Rewrite
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import Options

IDS = [f"id-{number}" for number in range(10)]
SQS = [{"messageId": name, "eventSource": "aws:sqs"} for name in IDS]
KINESIS = [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": name}} for name in IDS]
DYNAMODB = [{"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": name}} for name in IDS]


def decide(event: Any, share: float = 0.3, draw: float = 0.5) -> Action | None:
    fault = find_fault("batch")
    assert fault is not None
    content = json.dumps(event).encode()
    return fault.decide(Options({"share": share}), Invocation(b"", b"", lambda: content), draw)


def reported(*names: str) -> list[dict[str, str]]:
    return [{"itemIdentifier": name} for name in names]


@pytest.mark.parametrize("records", [SQS, KINESIS, DYNAMODB])
def test_the_share_of_a_batch_is_reported(records: list[Any]) -> None:
    action = decide({"Records": records})
    assert isinstance(action, Rewrite)
    assert action.numbers == {"failed": 3, "records": 10}
    answer = Answer(b"null")
    assert action.whole(answer)
    failures = [
        item["itemIdentifier"] for item in json.loads(answer.payload())["batchItemFailures"]
    ]
    assert len(set(failures)) == 3
    assert set(failures) < set(IDS)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"Records": []},
        {"Records": {}},
        {"Records": [5, None, {}]},
        {"Records": [{"EventSource": "aws:sns", "messageId": "x"}]},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [{"eventSource": ["aws:sqs"], "messageId": "x"}]},
        {"Records": [{"eventSource": "aws:sqs"}, {"eventSource": "aws:sqs", "messageId": ""}]},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": 5}]},
        {"requestContext": {"http": {"method": "GET"}}},
    ],
)
def test_other_events_are_left_alone(event: Any) -> None:
    assert identifiers(event) == []
    assert isinstance(decide(event), Nothing)


def test_the_share_holds_over_many_batches_of_any_size() -> None:
    for size in (1, 3, 10):
        draws = [number / 5000 for number in range(5000)]
        counts = [len(chosen(IDS[:size], 0.25, draw)) for draw in draws]
        assert sum(counts) / len(counts) == pytest.approx(size * 0.25, rel=0.1)
        assert max(counts) - min(counts) == 1, "the share itself, rounded either way"


def test_each_record_is_as_likely() -> None:
    hits = [name for number in range(5000) for name in chosen(IDS, 0.3, number / 5000)]
    for name in IDS:
        assert hits.count(name) == pytest.approx(1500, rel=0.15)


def test_the_same_draw_chooses_the_same_records_in_their_order() -> None:
    assert chosen(IDS, 0.5, 0.7) == chosen(IDS, 0.5, 0.7)
    assert chosen(IDS, 0.5, 0.7) != chosen(IDS, 0.5, 0.2)
    assert chosen(IDS, 0.5, 0.7) == sorted(chosen(IDS, 0.5, 0.7))
    assert chosen(IDS, 1, 0.7) == IDS
    assert chosen(IDS, 0, 0.7) == []
    assert decide({"Records": SQS}, 0.0) is None


@pytest.mark.parametrize("payload", [b"null", b"", b"{}", b'"done"', b"5", b"[]", b" null "])
def test_what_reports_nothing(payload: bytes) -> None:
    assert json.loads(joined(payload, ["a"])) == {"batchItemFailures": reported("a")}


def test_it_is_joined_with_the_function_s_own_report() -> None:
    own = b'{ "batchItemFailures":[{"itemIdentifier":"b"}], "big":1e400 }'
    after = joined(own, ["a", "b", "c"])
    assert json.loads(after)["batchItemFailures"] == reported("b", "a", "c")
    assert after.endswith(b', "big":1e400 }')
    assert joined(own, ["b"]) == own
    assert json.loads(joined(b'{"batchItemFailures":null}', ["a"])) == {
        "batchItemFailures": reported("a")
    }


@pytest.mark.parametrize(
    "payload",
    [
        b"OK",
        b"\xff",
        b'{"batchItemFailures":{}}',
        b'{"batchItemFailures":[{"itemIdentifier":""}]}',
        b'{"batchItemFailures":[{"itemIdentifier":null}]}',
        b'{"batchItemFailures":[{"id":"a"}]}',
        b'{"batchItemFailures":["a"]}',
    ],
)
def test_an_answer_by_which_the_whole_batch_fails_stays(payload: bytes) -> None:
    assert joined(payload, ["z"]) == payload
