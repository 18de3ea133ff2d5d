"""BATCH: which records fail, and what is reported of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from faultlayer.faults import find_fault
from faultlayer.faults.batch import Item, chosen, items, joined
from faultlayer.vocabulary.actions import Action, NotApplicable, Rewrite
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import Options

IDS = [f"id-{number}" for number in range(10)]
ITEMS = [Item(name) for name in IDS]
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
    assert items(event) == []
    assert isinstance(decide(event), NotApplicable)


def test_the_share_holds_over_many_batches_of_any_size() -> None:
    for size in (1, 3, 10):
        draws = [number / 5000 for number in range(5000)]
        counts = [len(chosen(ITEMS[:size], 0.25, draw)) for draw in draws]
        assert sum(counts) / len(counts) == pytest.approx(size * 0.25, rel=0.1)
        assert max(counts) - min(counts) == 1, "the share itself, rounded either way"


def test_each_record_is_as_likely() -> None:
    hits = [name for number in range(5000) for name in chosen(ITEMS, 0.3, number / 5000)]
    for name in IDS:
        assert hits.count(name) == pytest.approx(1500, rel=0.15)


def test_the_same_draw_chooses_the_same_records_in_their_order() -> None:
    assert chosen(ITEMS, 0.5, 0.7) == chosen(ITEMS, 0.5, 0.7)
    assert chosen(ITEMS, 0.5, 0.7) != chosen(ITEMS, 0.5, 0.2)
    assert chosen(ITEMS, 0.5, 0.7) == sorted(chosen(ITEMS, 0.5, 0.7))
    assert chosen(ITEMS, 1, 0.7) == IDS
    assert chosen(ITEMS, 0, 0.7) == []
    assert isinstance(decide({"Records": SQS}, 0.0), NotApplicable)


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


# -- queues in order --------------------------------------------------------------------------


def fifo(groups: str, **record: Any) -> dict[str, Any]:
    """A batch of a FIFO queue: a message for each letter, which is its group."""
    arn = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "attributes": {"MessageGroupId": group},
                **record,
            }
            for number, group in enumerate(groups)
        ]
    }


def test_what_follows_a_failed_message_of_its_group_is_reported_too() -> None:
    groups = "aabacbab"
    seen = set()
    for number in range(500):
        failed = chosen(items(fifo(groups)), 1 / 8, number / 500)
        first = int(failed[0][1:])
        seen.add(first)
        later = [f"m{at}" for at in range(first, 8) if groups[at] == groups[first]]
        assert failed == later
    assert seen == set(range(8))


def test_the_log_says_how_many_are_reported() -> None:
    action = decide(fifo("aaaa"), share=0.25, draw=0.5)
    assert isinstance(action, Rewrite)
    answer = Answer(b"null")
    assert action.whole(answer)
    count = len(json.loads(answer.payload())["batchItemFailures"])
    assert action.numbers == {"failed": count, "records": 4}


@pytest.mark.parametrize(
    "record",
    [
        {"eventSourceARN": "arn:aws:sqs:eu-west-1:1:orders"},  # fair queues have groups, no order
        {"eventSourceARN": None},
        {"attributes": {}},
        {"attributes": None},
        {"attributes": {"MessageGroupId": 5}},
    ],
)
def test_other_messages_have_no_order(record: dict[str, Any]) -> None:
    for number in range(50):
        assert len(chosen(items(fifo("aaaa", **record)), 0.25, number / 50)) == 1


def test_a_sequence_number_tells_a_fifo_queue_too() -> None:
    attributes = {"MessageGroupId": "a", "SequenceNumber": "1"}
    event = fifo("aaaa", eventSourceARN=None, attributes=attributes)
    assert {len(chosen(items(event), 0.25, number / 50)) for number in range(50)} == {1, 2, 3, 4}


# -- Kafka ------------------------------------------------------------------------------------

KAFKA = {
    "eventSource": "aws:kafka",
    "records": {
        "orders-0": [{"topic": "orders", "partition": 0, "offset": 15}, {"offset": 16}],
        "Zahlungen-ü-1": [{"offset": 7}],
    },
}
NAMES = [
    {"partition": "orders-0", "offset": 15},
    {"partition": "orders-0", "offset": 16},
    {"partition": "Zahlungen-ü-1", "offset": 7},
]


@pytest.mark.parametrize("source", ["aws:kafka", "SelfManagedKafka", "aws:SelfManagedKafka"])
def test_kafka_is_told_partition_and_offset(source: str) -> None:
    action = decide({**KAFKA, "eventSource": source}, share=1)
    assert isinstance(action, Rewrite)
    answer = Answer(b"null")
    assert action.whole(answer)
    assert json.loads(answer.payload()) == {
        "batchItemFailures": [{"itemIdentifier": name} for name in NAMES]
    }
    assert "ü".encode() in answer.payload()


def test_kafka_joined_with_the_function_s_own_report() -> None:
    own = b'{"batchItemFailures":[{"itemIdentifier":{"offset":15,"partition":"orders-0"}} ]}'
    known = {"partition": "orders-0", "offset": 15}
    after = json.loads(joined(own, NAMES))["batchItemFailures"]
    assert [item["itemIdentifier"] for item in after] == [known, *NAMES[1:]]
    of_others = b'{"batchItemFailures":[{"itemIdentifier":"m1"}]}'
    for wrong in (of_others, b"{", b'{"batchItemFailures":5}'):
        assert joined(wrong, NAMES) == wrong, "the whole batch fails by it"


@pytest.mark.parametrize(
    "event",
    [
        {"eventSource": "aws:docdb", "events": [{"event": {"_id": {"_data": "0"}}}]},
        {"eventSource": "aws:mq", "messages": [{"messageID": "m"}]},
        {"eventSource": "aws:rmq", "rmqMessagesByQueue": {"q::/": [{"data": ""}]}},
        {"eventSource": "aws:kafka", "records": []},
        {"eventSource": "aws:kafka", "records": {"a-0": None, "a-1": [5, {}, {"offset": "1"}]}},
        {"eventSource": "aws:other", "records": {"a-0": [{"offset": 1}]}},
    ],
)
def test_sources_that_take_no_reports(event: Any) -> None:
    action = decide(event)
    assert isinstance(action, NotApplicable)
    assert "Kafka alone" in action.why


def test_a_pipe_sends_the_records_alone() -> None:
    assert [item.name for item in items(SQS)] == IDS


# -- bytes ------------------------------------------------------------------------------------


def test_what_the_function_reports_keeps_its_bytes() -> None:
    own = (
        b'{ "batchItemFailures" :[ {"itemIdentifier":"b", "n":1e400, "t":"\\u8bf7\xe8\xaf\xb7"} ] }'
    )
    after = joined(own, ["a"])
    assert after == own.replace(b"} ]", b'},{"itemIdentifier":"a"} ]')
    assert joined(b'{"batchItemFailures":[ ]}', ["a"]) == (
        b'{"batchItemFailures":[{"itemIdentifier":"a"} ]}'
    )


def test_ten_thousand_records_are_joined_in_no_time() -> None:
    names = [f"n{number}" for number in range(10_000)]
    own = json.dumps({"batchItemFailures": reported(*names)}).encode()
    begun = time.monotonic()
    assert joined(own, names) == own
    assert time.monotonic() - begun < 2
