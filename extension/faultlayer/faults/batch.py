"""BATCH: a share of a batch's records is reported as failed, as a function would report them.

Applied to the event sources that take such reports: SQS, Kinesis, DynamoDB streams, MSK and other
Kafka. The reports are joined with the function's own. How many records fail: their share, and a
fraction of a record by chance, so that the share holds over many batches of any size. Which ones:
drawn from the invocation's number, so a seed and a request id decide it. In a FIFO queue the later
messages of a failed message's group are reported, too, since they must not overtake it. Other
events are left alone, and so are errors, and responses by which the whole batch fails already.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
"""

from __future__ import annotations

from _random import Random

from faultlayer.events.edit import append_to, set_path
from faultlayer.jsontext import dump_bytes, loads
from faultlayer.values.kinds import Rate
from faultlayer.vocabulary.actions import Action, NotApplicable, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from faultlayer.vocabulary.answer import Answer
    from faultlayer.vocabulary.invocation import Invocation
    from faultlayer.vocabulary.streamed import Stream

FAILURES = "batchItemFailures"
_ITEM = "itemIdentifier"
# For each source: the place of the name by which a report calls a record.
_IDENTIFIERS = {
    "aws:sqs": ("messageId",),
    "aws:kinesis": ("kinesis", "sequenceNumber"),
    "aws:dynamodb": ("dynamodb", "SequenceNumber"),
}
_KAFKA = ("aws:kafka", "SelfManagedKafka", "aws:SelfManagedKafka")
_NO_REPORTS = (
    "Lambda takes reports of failed records from SQS, Kinesis, DynamoDB streams and Kafka alone"
)


class Item:
    """A record: its name in a report, and the group that orders it (empty: none)."""

    __slots__ = ("group", "name")

    def __init__(self, name: Any, group: str = "") -> None:
        self.name = name
        self.group = group


def _found(record: Any, path: tuple[str, ...]) -> Any:
    for member in path:
        record = record.get(member) if isinstance(record, dict) else None
    return record


def _group(record: Any) -> str:
    """The message group of a record of a FIFO queue: groups of other queues have no order."""
    arn, group = (
        _found(record, ("eventSourceARN",)),
        _found(record, ("attributes", "MessageGroupId")),
    )
    ordered = _found(record, ("attributes", "SequenceNumber")) is not None
    fifo = ordered or (isinstance(arn, str) and arn.endswith(".fifo"))
    return group if fifo and isinstance(group, str) else ""


def _records(event: Any) -> Iterator[Item]:
    """Each record that a report could name."""
    records = event.get("Records") if isinstance(event, dict) else event  # Pipes send the bare list
    for record in records if isinstance(records, list) else ():
        source = _found(record, ("eventSource",))
        name = _found(record, _IDENTIFIERS.get(source, ())) if isinstance(source, str) else None
        if isinstance(name, str) and name:
            yield Item(name, _group(record))


def _messages(event: Any) -> Iterator[Item]:
    """Each message of a Kafka event, which a report calls by its partition and offset."""
    partitions = event.get("records") if isinstance(event, dict) else None
    if not isinstance(partitions, dict) or event.get("eventSource") not in _KAFKA:
        return
    for partition, messages in partitions.items():
        for message in messages if isinstance(messages, list) else ():
            offset = _found(message, ("offset",))
            if isinstance(offset, int) and not isinstance(offset, bool):
                yield Item({"partition": partition, "offset": offset})


def _key(name: Any) -> Any:
    """A name in a form that can be compared: the order of its members does not count."""
    return (name["partition"], name["offset"]) if isinstance(name, dict) else name


def items(event: Any) -> list[Item]:
    """The records of a batch, each name once; none if the event is no batch."""
    named = {_key(item.name): item for item in (*_messages(event), *_records(event))}
    return list(named.values())


def chosen(found: list[Item], share: float, draw: float) -> list[Any]:
    """The names of those that fail, in their order in the batch."""
    random = Random(int(draw * (1 << 53))).random
    count = min(int(share * len(found) + random()), len(found))
    places = list(range(len(found)))
    for at in range(count):
        other = at + int(random() * (len(places) - at))
        places[at], places[other] = places[other], places[at]
    failed, names = set(places[:count]), []
    groups: set[str] = set()  # those of which one has failed
    for at, item in enumerate(found):
        if at in failed or item.group in groups:
            names.append(item.name)
            if item.group:
                groups.add(item.group)
    return names


def _is_name(name: Any, like: Any) -> bool:
    """True if Lambda takes this as the name of a record, of the same kind as the other name."""
    if isinstance(like, str):
        return isinstance(name, str) and bool(name)
    if not isinstance(name, dict):
        return False
    offset = name.get("offset")
    return isinstance(name.get("partition"), str) and isinstance(offset, (int, float))


def joined(payload: bytes, failed: list[Any]) -> bytes:
    """Add these to the failures that the answer reports; no other byte changes."""
    try:
        answer = loads(payload) if payload.strip() else None
    except (ValueError, RecursionError):
        return payload  # not JSON: the whole batch fails by it
    text = payload.decode() if isinstance(answer, dict) else "{}"
    reported = answer.get(FAILURES) if isinstance(answer, dict) else None
    own = [] if reported is None else reported
    if not isinstance(own, list):
        return payload
    names = [item.get(_ITEM) if isinstance(item, dict) else None for item in own]
    if not all(_is_name(name, failed[0]) for name in names):
        return payload
    known = set(map(_key, names))
    more = [dump_bytes({_ITEM: name}).decode() for name in failed if _key(name) not in known]
    if not more:
        return payload
    if reported is None:
        return set_path(text, (FAILURES,), f"[{','.join(more)}]").encode()
    return append_to(text, (FAILURES,), more).encode()


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    found = items(invocation.event())
    if not found:
        return NotApplicable(
            f"the event is no batch whose records can be reported as failed: {_NO_REPORTS}"
        )
    if not options.share:
        return NotApplicable("its share is 0, so no record is reported as failed")
    failed = chosen(found, options.share, draw)
    if not failed:
        return None

    def whole(answer: Answer) -> bool:
        changed = answer.replace_payload(lambda payload: joined(payload, failed))
        return changed or answer.unchanged(
            "the function reports these records, or fails the batch, already"
        )

    return Rewrite(whole, _no_stream, failed=len(failed), records=len(found))


def _no_stream(stream: Stream) -> bool:
    return stream.unchanged("a streamed answer is no report of failed records")


FAULT = Fault(
    __name__,
    order=90,
    help="SQS, Kinesis, DynamoDB stream and Kafka batches report that share as `batchItemFailures`",
    main=Option("share", Rate(), "share of the records; a fraction of a record by chance"),
    decide=decide,
    logged={
        "failed": "how many records are reported as failed",
        "records": "how many records the event has",
    },
)
