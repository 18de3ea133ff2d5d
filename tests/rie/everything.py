"""All faults at once: what is armed, and what the seed foretells of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from faultlayer.faults import all_faults
from faultlayer.targeting.choose import draws
from faultlayer_cli.running.http_client import Response
from rie.languages import LANGUAGES, running
from rie.support import Function

SOURCES = Path(__file__).parent / "functions" / "everything"
RATE = 0.2
TIMEOUT = 20  # seconds of the function: a busy machine needs none of them
STORAGE = 128  # MB of /tmp
EVENT = {
    "order": 7,
    "requestContext": {"http": {"method": "POST"}},  # so that every fault applies
    "Records": [{"messageId": f"m{number}", "eventSource": "aws:sqs"} for number in range(5)],
}
VALUES = {
    "latency": "1ms..5ms",
    "timeout": "19.9s",
    "exception": "OrderError: no such order",
    "status": "503",
    "corruption": "replace",
    "headers": '{"x-own":null,"x-fault":"on"}',
    "event": '{"order":null}',
    "duplicate": "2",
    "batch": "1",
    "oversize": "20KB",
    "init": "50ms",
    "crash": "before",
    "disk": "16MB",
    "memory": "16MB",
    "cpu": "1",
    "env": '{"TABLE_NAME":"no-such-table"}',
}
VARIANTS = [
    {},
    {"init": "error", "crash": "during", "crash_after": "20ms"},
    {"exception_when": "after", "crash": "during", "crash_after": "0", "corruption": "truncate"},
    {"status_when": "after", "latency_when": "after", "disk": "free:64MB", "memory": "24MB"},
]
STARTS = {fault.name for fault in all_faults() if fault.begin}
OUTCOMES = ("crash", "exception", "status")  # in their order; at most one of them comes to pass
HELD = {"disk", "memory", "cpu"}
REWRITES = {"corruption", "headers", "batch", "oversize"}


@dataclass
class Case:
    """One environment: its language, what is armed there, and the seed."""

    language: str
    values: dict[str, str]
    seed: str

    def ids(self) -> Iterator[str]:
        """Request ids, without end."""
        number = 0
        while True:
            digest = sha256(f"{self.seed}:{number}".encode()).digest()
            yield str(uuid.UUID(bytes=digest[:16]))
            number += 1

    def drawn(self, request_id: str) -> set[str]:
        """The faults that the seed lets hit this invocation."""
        ours = request_id.encode()
        return {
            name
            for name in VALUES.keys() - STARTS
            if draws(sha256, self.seed.encode(), name, ours)[0] < RATE
        }

    def early(self, name: str) -> bool:
        """Whether this fault spares the function the event."""
        usual = "after" if self.values["crash"] == "during" and name == "crash" else "before"
        return self.values.get(f"{name}_when", usual) == "before"

    def outcome(self, drawn: set[str]) -> str:
        """The one of these that decides what the caller gets; none: the function's answer."""
        both = [name for name in OUTCOMES if name in drawn]
        return next((name for name in both if self.early(name)), both[0] if both else "")

    def expected(self, request_id: str) -> set[str]:
        """What hits this invocation, TIMEOUT apart, which a cold start may have outlasted."""
        drawn = self.drawn(request_id) - {"timeout"}
        outcome = self.outcome(drawn)
        hits = drawn - set(OUTCOMES)
        if outcome and self.early(outcome):
            hits -= HELD | {"event", "duplicate"}
        if outcome in ("crash", "exception"):
            hits -= REWRITES
        if outcome == "crash":
            hits -= {"duplicate"} if self.early("latency") else {"duplicate", "latency"}
        return hits | ({outcome} if outcome else set())


def cases(seed: str, environments: int) -> list[Case]:
    """So many environments, in turn of each language and variant."""
    found = []
    for number in range(environments):
        values = {**VALUES, **VARIANTS[number // 2 % len(VARIANTS)]}
        found.append(Case(LANGUAGES[number % 2], values, f"{seed}-{number}"))
    return found


@contextmanager
def started(case: Case, layer: Path | None = None) -> Iterator[Function]:
    """The function of a case, under an emulator of its own."""
    variables = {
        "TABLE_NAME": "orders",
        "FAULTLAYER_RATE": str(RATE),
        "FAULTLAYER_SEED": case.seed,
        **{f"FAULTLAYER_{name.upper()}": text for name, text in case.values.items()},
    }
    more: dict[str, Any] = {"timeout": TIMEOUT, "memory": 256, "storage": STORAGE, "layer": layer}
    with running(case.language, SOURCES, variables, echo=False, **more) as function:
        yield function


def check_answer(case: Case, request_id: str, answer: Response) -> None:
    """The caller has got what the seed foretells for this very invocation."""
    hits = case.expected(request_id)
    outcome = case.outcome(hits)
    told = json.loads(answer.body)
    if outcome == "crash":
        assert told["errorType"] == "Runtime.ExitError"
        assert told["errorMessage"].startswith(f"RequestId: {request_id} ")
        assert told["errorMessage"].endswith("signal: killed")
        return
    if outcome == "exception":
        assert (told["errorType"], told["errorMessage"]) == ("OrderError", "no such order")
        return
    assert told["statusCode"] == (503 if outcome == "status" else 200)
    assert (len(answer.body) == 20 << 10) == ("oversize" in hits)
    if "batch" in hits:
        assert len(told["batchItemFailures"]) == 5
    assert ("x-fault" in told["headers"]) == ("headers" in hits)
    if not outcome and "corruption" not in hits:
        seen = json.loads(told["body"])
        assert seen["request_id"] == request_id
        assert seen["order"] == (None if "event" in hits else 7)
