"""BATCH: of SQS, Kinesis and DynamoDB stream events a share of the records is reported as failed.

The reports are joined with the function's own. How many: the share of the records, a fraction by
chance, so that the share holds over many batches of any size. Which ones is drawn from the
invocation's number, so a seed and a request id say it. Other events are left alone, and so are
answers by which the whole batch fails already, and errors.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

from _random import Random

from faultlayer.events.edit import set_path
from faultlayer.jsontext import dumps, loads
from faultlayer.values.kinds import Rate
from faultlayer.vocabulary.actions import Action, Nothing, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.answer import Answer
    from faultlayer.vocabulary.invocation import Invocation

FAILURES = "batchItemFailures"
_ITEM = "itemIdentifier"
# Where each source's records say what a report calls them.
_IDENTIFIERS = {
    "aws:sqs": ("messageId",),
    "aws:kinesis": ("kinesis", "sequenceNumber"),
    "aws:dynamodb": ("dynamodb", "SequenceNumber"),
}


def _identifier(record: Any) -> Any:
    """What a report calls this record; None where it is of none of these sources."""
    source = record.get("eventSource") if isinstance(record, dict) else None
    for member in _IDENTIFIERS.get(source, ()) if isinstance(source, str) else ():
        record = record.get(member) if isinstance(record, dict) else None
    return record if isinstance(record, str) and record else None


def identifiers(event: Any) -> list[str]:
    """Those of all records of a batch; none where the event is no batch."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return []
    return list(dict.fromkeys(found for record in records if (found := _identifier(record))))


def chosen(found: list[str], share: float, draw: float) -> list[str]:
    """Which of them fail, in their order in the batch."""
    random = Random(int(draw * (1 << 53))).random
    count = min(int(share * len(found) + random()), len(found))
    places = list(range(len(found)))
    for at in range(count):
        other = at + int(random() * (len(places) - at))
        places[at], places[other] = places[other], places[at]
    return [found[at] for at in sorted(places[:count])]


def joined(payload: bytes, failed: list[str]) -> bytes:
    """The answer, with these reported beside what it reports itself."""
    try:
        answer = loads(payload) if payload.strip() else None
    except (ValueError, RecursionError):
        return payload  # not JSON: the whole batch fails by it
    text = payload.decode() if isinstance(answer, dict) else "{}"
    reported = answer.get(FAILURES) if isinstance(answer, dict) else None
    if reported is None:
        reported = []
    if not isinstance(reported, list):
        return payload
    known = [item.get(_ITEM) if isinstance(item, dict) else None for item in reported]
    if not all(isinstance(name, str) and name for name in known):
        return payload
    more = [{_ITEM: name} for name in failed if name not in known]
    return set_path(text, (FAILURES,), dumps(reported + more)).encode() if more else payload


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    found = identifiers(invocation.event())
    if not found:
        return Nothing("the event is no batch of SQS, Kinesis or DynamoDB stream records")
    failed = chosen(found, options.share, draw)
    if not failed:
        return None

    def whole(answer: Answer) -> bool:
        return answer.change_payload(
            lambda payload: joined(
                payload.encode() if isinstance(payload, str) else payload, failed
            )
        )

    return Rewrite(whole, lambda stream: False, failed=len(failed), records=len(found))


FAULT = Fault(
    __name__,
    order=90,
    help="SQS, Kinesis and DynamoDB stream batches report that share as `batchItemFailures`",
    main=Option("share", Rate(), "share of the records; a fraction of a record by chance"),
    decide=decide,
)
