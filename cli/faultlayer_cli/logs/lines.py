"""The facts in a function's log: invocations, their ends, injections; message by message.

Understood are Lambda's text format, its JSON format and the emulator's log, with any prefix that a
tool adds to a line. Other text is skipped.
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

from faultlayer_cli.logs import hosts
from faultlayer_cli.logs.hosts import HostSum
from faultlayer_cli.logs.pieces import pieces, split

OURS = "faultlayer"
# CloudWatch is asked for messages with any of these: no others are understood here.
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
    RETRACTED = "taken back"  # an injection whose line stands in the log, and did not happen
    TROUBLE = "trouble"
    HOST = "host"


# The events that are counted. If one of them is not understood, there is no report.
KINDS = {
    "fault_injected": FactKind.INJECTED,
    "fault_dry_run": FactKind.DRY_RUN,
    hosts.EVENT: FactKind.HOST,
}
COUNTED = re.compile(rf"\b(?:{'|'.join(KINDS)})\b")
_NO_HOST = "no_host_observed"


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
    host: HostSum | None = None


class Record(dict[str, Any]):
    """A JSON object with its members as attributes; a missing member is None."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


_DECODER = json.JSONDecoder(object_hook=Record)
_ATTEMPTS = 1000  # braces of one line that may begin an object
_HINTS = (OURS, "platform.", "Task timed out")
_WRAPPING = ("record", "message", "@message", "log", "msg")
_JOINED = re.compile(r"(?=\b(?:START|END|REPORT) RequestId: )")
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
    parts = split(message)
    if len(parts) == 1 and "\x1b" not in message:
        yield from _piece(message)
        return
    for _, piece in pieces(parts):
        yield from _piece(piece)


def _piece(piece: str) -> Iterator[Fact]:
    """Read JSON objects that may have facts, and the text around them."""
    if "{" not in piece or not any(hint in piece for hint in _HINTS):
        if not piece.startswith("{"):  # else it is someone else's line, even if it quotes ours
            yield from _text(piece)
        return
    done = at = 0
    for _ in range(_ATTEMPTS):
        at = piece.find("{", at)
        if at < 0:
            break
        try:
            record, end = _DECODER.raw_decode(piece, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield from _text(piece[done:at])
        yield from _said(record)
        done = at = end
    if done or not piece.startswith("{"):
        yield from _text(piece[done:])


def _text(text: str) -> Iterator[Fact]:
    """Read the facts of a line in their order; some tools join messages into one line."""
    if not any(term in text for term, _, _ in _LINES):
        return
    for part in _JOINED.split(text):
        found = [
            (match.start(), seen(match))
            for term, pattern, seen in _LINES
            if term in part and (match := pattern.search(part))
        ]
        yield from (fact for _, fact in sorted(found, key=lambda one: one[0]))


def _said(record: Record) -> Iterator[Fact]:
    inner = record.record
    if record.source == OURS:
        yield from _ours(record)
    elif str(record.type).startswith("platform."):
        if isinstance(inner, Record) and isinstance(inner.requestId, str):
            yield from _platform(record.type, inner)
    else:  # as extensions see each other's lines, and as loggers and collectors wrap them
        for member in _WRAPPING:
            value = record.get(member)
            if isinstance(value, Record):
                yield from _said(value)
            elif isinstance(value, str):
                yield from (seen for seen in read(value) if _attributed(seen))


def _attributed(seen: Fact) -> bool:
    """True if a wrapped fact is certain; an error without a request may be a quotation."""
    return bool(seen.request or seen.trouble) or seen.kind in KINDS.values()


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
    kind = KINDS.get(str(line.event))
    if kind is FactKind.HOST:
        if (host := hosts.read(line)) is not None:
            yield Fact(kind, host=host)
        return
    if kind:
        failed = kind is FactKind.INJECTED and line.function_error is True
        yield Fact(
            kind, str(line.request_id or ""), failed=failed, fault=str(line.fault or "unknown")
        )
        return
    if line.retracts is True:
        yield Fact(FactKind.RETRACTED, str(line.request_id or ""), fault=str(line.fault))
    if line.level in _GRAVE or line.event == _NO_HOST:
        about = str(line.variable or line.fault or "")
        trouble = Trouble(str(line.event), about, str(line.message or ""))
        yield Fact(FactKind.TROUBLE, trouble=trouble)


def _reported(found: re.Match[str]) -> Fact:
    duration = _DURATION.search(found[2])
    failed = bool(_FAILED.search(found[2]))
    return Fact(FactKind.REPORT, found[1], float(duration[1]) if duration else None, failed)
