"""Each invocation from its number alone: the event and the answer.

Number and delivery stand in every payload. No two payloads share more than a few bytes in a row,
so a byte of another invocation is noticed.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from functools import lru_cache
from random import Random

LARGEST = 6_000_000  # bytes; Lambda's 6 MB hold the rest of the payload too
_PERIOD = 97_003  # a prime: where a filler begins repeats no sooner than this
FILLER = b64encode(Random(6).randbytes((LARGEST + 2 * _PERIOD) * 3 // 4))
# Shares of sizes: up to this chance, from so many bytes to so many.
SIZES = (
    (0.80, 16, 1 << 10),
    (0.95, 1 << 10, 16 << 10),
    (0.995, 16 << 10, 128 << 10),
    (0.9995, 128 << 10, 1 << 20),
    (1.0, 1 << 20, LARGEST),
)
# The first ones are long much more often: the heap gets its working size from them.
WARM_UP = 2000
warm_up = WARM_UP  # fewer in a short run
PLAIN, HTTP, BATCH = "plain", "http", "batch"
WHOLE, CHUNKS, STREAM, HTTP_STREAM, ERROR = "whole", "chunks", "stream", "http-stream", "error"
SEPARATOR = b"\0" * 8
GET_ONLY = {"requestContext.http.method": "GET"}  # a match, and what `is_get` says of events
_ID = b"50a4c0de-5eed-4000-8000-%012x"
_INVOCATION_ID = b"%012x-of-this-environment"


def filler(start: int, size: int) -> bytes:
    """So many letters, different for each start; none needs an escape."""
    start = start * 7919 % _PERIOD
    return FILLER[start : start + size]


def _size(number: int, chance: float, within: float) -> int:
    if number < warm_up:
        chance = chance * 1.25 if chance < 0.8 else 1 - 1e-9
    for most, low, high in SIZES:
        if chance < most:
            return low + int(within * (high - low))
    return LARGEST


class Case:
    """The event and the answer of one invocation."""

    __slots__ = ("answer_size", "event_size", "how", "kind", "method", "number", "records")

    def __init__(self, number: int) -> None:
        digest = hashlib.sha256(b"case %d" % number).digest()
        chances = [int.from_bytes(digest[at : at + 4], "big") / (1 << 32) for at in range(0, 32, 4)]
        self.number = number
        self.kind = PLAIN if chances[0] < 0.55 else HTTP if chances[0] < 0.85 else BATCH
        self.event_size = _size(number, chances[1], chances[2])
        self.answer_size = _size(number, chances[3], chances[4])
        self.how = WHOLE
        for most, how in ((0.01, ERROR), (0.04, CHUNKS), (0.09, STREAM), (0.14, HTTP_STREAM)):
            if chances[5] < most:
                self.how = how
                break
        self.method = "GET" if chances[6] < 0.5 else "POST"
        self.records = 1 + int(chances[7] * 10) if self.kind == BATCH else 0

    @property
    def is_get(self) -> bool:
        return self.kind == HTTP and self.method == "GET"

    @property
    def id(self) -> bytes:
        return _ID % self.number

    @property
    def invocation_id(self) -> bytes:
        """The id that every answer has to echo."""
        return _INVOCATION_ID % self.number

    def names(self) -> list[str]:
        """The ids of a batch's records."""
        return [f"{self.number}-{at}" for at in range(self.records)]

    def event(self) -> bytes:
        number, text = self.number, filler(self.number, self.event_size)
        if self.kind == HTTP:
            start = b'{"n":%d,"requestContext":{"http":{"method":"%b"}},"headers":{"X-N":"%d"}' % (
                number,
                self.method.encode(),
                number,
            )
        elif self.kind == BATCH:
            records = ",".join(
                f'{{"messageId":"{name}","eventSource":"aws:sqs","body":"{name}"}}'
                for name in self.names()
            )
            # Of a REST API as well: an answer to an event source alone is left as it is, and an
            # HTTP API would take the report of failed records for a body.
            front = b'"httpMethod":"POST","requestContext":{}'
            start = b'{"n":%d,%b,"Records":[%b]' % (number, front, records.encode())
        else:
            start = b'{"n":%d' % number
        return b'%b,"p":"%b"}' % (start, text)

    def answer(self, delivery: int) -> bytes:
        """The function's answer to this delivery of the event (from 1)."""
        number, text = self.number, filler(self.number + 1, self.answer_size)
        if self.how == ERROR:
            return b'{"errorMessage":"%d/%d","errorType":"Own.Error","p":"%b"}' % (
                number,
                delivery,
                text,
            )
        if self.how == STREAM:
            return b"%d/%d:%b" % (number, delivery, text)
        if self.how == HTTP_STREAM:
            prelude = b'{"statusCode":201,"headers":{"X-N":"%d/%d"}}' % (number, delivery)
            return prelude + SEPARATOR + text
        if self.kind == HTTP:
            head = b'{"statusCode":201,"headers":{"Content-Type":"text/plain","X-N":"%d/%d"}'
            return (head + b',"body":"%b"}') % (number, delivery, text)
        if self.kind == BATCH:
            head = b'{"batchItemFailures":[{"itemIdentifier":"%d-0"}],"n":%d,"d":%d,"p":"%b"}'
            return head % (number, number, delivery, text)
        return b'{"n":%d,"d":%d,"p":"%b"}' % (number, delivery, text)


def compact(value: object) -> bytes:
    """JSON without blanks, in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@lru_cache(maxsize=256)
def case(number: int) -> Case:
    return Case(number)


def number_of(request_id: bytes) -> int | None:
    """The invocation's number in this request id; None for a foreign id."""
    try:
        number = int(request_id[-12:], 16)
    except ValueError:
        return None
    return number if request_id == _ID % number else None
