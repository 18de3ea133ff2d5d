"""What a function's log says, message by message: invocations, how they ended, what was injected.

Read are Lambda's text format, its JSON format and the emulator's log, with whatever prefix a tool
adds to a line. Any other text is skipped.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

OURS = "faultlayer"
# What CloudWatch is asked for: messages with any of these, which is all that is understood here.
TERMS = (
    OURS,
    "START RequestId:",
    "REPORT RequestId:",
    "Task timed out after",
    "[ERROR]",
    "Invoke Error",
    "Uncaught Exception",
    "Unhandled Promise Rejection",
    "Runtime exited",
    "platform.start",
    "platform.runtimeDone",
    "platform.report",
)
PATTERN = " ".join(f'?"{term}"' for term in TERMS)
_GRAVE = ("warn", "error", "fatal")
_GOOD = "success"
_ID = r"([0-9A-Za-z-]{8,64})"


class FactKind(Enum):
    """The kind of a message; the value names it in messages of Lambda's own."""

    START = "started"
    REPORT = "reported"
    ERROR = "failed"
    INJECTED = "injected"
    DRY_RUN = "dry run"
    TROUBLE = "trouble"


@dataclass(frozen=True)
class Trouble:
    """A line of faultlayer's about a mistake: in a variable, in a plan, with the wrapper."""

    name: str
    about: str  # the variable, or the fault; empty if it is neither
    message: str


@dataclass(frozen=True)
class Fact:
    """One fact in a message; `request` is empty if the message names no invocation."""

    kind: FactKind
    request: str = ""
    duration: float | None = None  # milliseconds
    failed: bool = False
    fault: str = ""
    trouble: Trouble | None = None


class Record(dict[str, Any]):
    """A JSON object with its members as attributes; a missing member is None."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


_DECODER = json.JSONDecoder(object_hook=Record)
_REPORT = re.compile(rf"REPORT RequestId: {_ID}\b(.*)")
_DURATION = re.compile(r"(?<!Init )(?<!Billed )(?<!Restore )Duration: ([0-9.]+) ms")
_FAILED = re.compile(r"Status: (?:error|timeout|failure)\b")
_LINES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], Fact]], ...] = (
    (
        "START RequestId:",
        re.compile(rf"START RequestId: {_ID}\b"),
        lambda found: Fact(FactKind.START, found[1]),
    ),
    ("REPORT RequestId:", _REPORT, lambda found: _reported(found)),
    (
        "Task timed out",
        re.compile(rf"{_ID} Task timed out after "),
        lambda found: Fact(FactKind.ERROR, found[1]),
    ),
    (  # an exception that left a Python handler; a logger's lines have a tab here
        "[ERROR] ",
        re.compile(r"\[ERROR\] [A-Za-z_][\w.]*(?::|\s|$)"),
        lambda found: Fact(FactKind.ERROR),
    ),
    (
        "ERROR",
        re.compile(
            rf"\b{_ID}\s+ERROR\s+(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection)\b"
        ),
        lambda found: Fact(FactKind.ERROR, found[1]),
    ),
    (
        "Runtime exited",
        re.compile(rf"RequestId: {_ID} Error: Runtime exited"),
        lambda found: Fact(FactKind.ERROR, found[1]),
    ),
    (  # the emulator's way to say that an invocation timed out, or that the runtime is gone
        "(rapid) Invoke failed",
        re.compile(rf"\(rapid\) Invoke failed .*\bInvokeID={_ID}"),
        lambda found: Fact(FactKind.ERROR, found[1]),
    ),
)


def read(message: str) -> Iterator[Fact]:
    """Read all facts in a message, which may have several lines."""
    for line in message.splitlines():
        yield from _line(line)


def _line(line: str) -> Iterator[Fact]:
    if "{" in line and (OURS in line or "platform." in line or "Task timed out" in line):
        record = _record(line)
        if record is not None:
            yield from _said(record)
            return
    if line.startswith("{"):  # someone else's, whatever it quotes
        return
    for term, pattern, seen in _LINES:
        if term in line and (found := pattern.search(line)):
            yield seen(found)
            return


def _record(line: str) -> Record | None:
    """The JSON object in a line, whatever stands before or after it."""
    try:
        record, _ = _DECODER.raw_decode(line, line.index("{"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, Record) else None


def _said(record: Record) -> Iterator[Fact]:
    inner = record.record
    if record.source == OURS:
        yield from _ours(record)
    elif str(record.type).startswith("platform."):
        if isinstance(inner, Record) and isinstance(inner.requestId, str):
            yield from _platform(record.type, inner)
    elif isinstance(inner, Record):  # as extensions see each other's lines
        yield from _said(inner)
    else:
        for text in (inner, record.message):
            if isinstance(text, str):
                yield from (seen for seen in read(text) if seen.request or seen.trouble)


def _platform(kind: str, about: Record) -> Iterator[Fact]:
    """Read one of Lambda's own messages about an invocation."""
    failed = about.status not in (None, _GOOD)
    if kind == "platform.start":
        yield Fact(FactKind.START, about.requestId)
    elif kind == "platform.runtimeDone" and failed:
        yield Fact(FactKind.ERROR, about.requestId)
    elif kind == "platform.report":
        duration = about.metrics.durationMs if isinstance(about.metrics, Record) else None
        if not isinstance(duration, int | float):
            duration = None
        yield Fact(FactKind.REPORT, about.requestId, duration, failed)


def _ours(line: Record) -> Iterator[Fact]:
    kind = {"fault_injected": FactKind.INJECTED, "fault_dry_run": FactKind.DRY_RUN}.get(
        str(line.event)
    )
    if kind:
        failed = kind is FactKind.INJECTED and line.function_error is True
        yield Fact(
            kind, str(line.request_id or ""), failed=failed, fault=str(line.fault or "unknown")
        )
    elif line.level in _GRAVE:
        about = str(line.variable or line.fault or "")
        trouble = Trouble(str(line.event), about, str(line.message or ""))
        yield Fact(FactKind.TROUBLE, trouble=trouble)


def _reported(found: re.Match[str]) -> Fact:
    duration = _DURATION.search(found[2])
    failed = bool(_FAILED.search(found[2]))
    return Fact(FactKind.REPORT, found[1], float(duration[1]) if duration else None, failed)
