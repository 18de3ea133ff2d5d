"""The forms in which tools save a log: text, JSON values, tables; each gives messages.

    text --> pieces --> a JSON value: the messages in it
                    --> any other line: a message
    a table's head --> rows: a message each

Nothing that names an injection is dropped: text in no known form is passed on unchanged.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from faultlayer_cli.logs.lines import COUNTED, OURS, FactKind
from faultlayer_cli.logs.lines import read as facts_of
from faultlayer_cli.logs.pieces import pieces

_STREAM = re.compile(r"(?:\S+\s+){0,2}?(\d{4}/\d\d/\d\d/\S*\[[^\]\s]+\]\S+)")
_LISTS = ("events", "results", "logEvents", "sessionResults")
_STREAMS = ("logStreamName", "logStream", "@logStream", "@logstream")
_MESSAGES = ("@message", "message", "log")
_DECODER = json.JSONDecoder()
_DEEP = 8  # lists in lists


@dataclass(frozen=True)
class SavedMessage:
    """A message in a file: the number of its line, and a row's time, as text."""

    stream: str
    text: str
    line: int = 0
    time: str | None = None  # None if this is no row of a table
    named: int = 0  # how often the text behind it names an injection


def read(text: IO[str]) -> Iterator[SavedMessage]:
    """Read a file in any of the forms."""
    first = text.readline()
    for delimiter in ",\t;":
        cells = next(csv.reader([first.strip("\ufeff\r\n")], delimiter=delimiter), [])
        head = [cell.strip().lower() for cell in cells]
        if _is_head(head):
            yield from _in_order(list(_table(head, text, delimiter)))
            return
    messages = _pieces(itertools.chain([first], text))
    for is_row, some in itertools.groupby(messages, lambda one: one.time is not None):
        if is_row:
            yield from _in_order(list(some))
        else:
            yield from some


def _is_head(names: Sequence[str]) -> bool:
    if len(names) > 1:
        return "@message" in names or {"timestamp", "message"} <= set(names)
    return names in (["@message"], ["message"])


def _table(head: Sequence[str], text: IO[str], delimiter: str) -> Iterator[SavedMessage]:
    csv.field_size_limit(1 << 30)  # its default is smaller than a message may be
    reader = csv.reader(text, delimiter=delimiter)
    line = 2
    for cells in reader:
        row = _row(dict(zip(head, cells, strict=False)), "")
        whole = delimiter.join(cells)
        named = COUNTED.search(whole)
        if named and not row.named:  # in a cell that has no head
            row = replace(row, text=whole)
        yield replace(row, line=_line(whole, named.start() if named else 0, line))
        line = reader.line_num + 2


def _row(row: Mapping[str, Any], stream: str) -> SavedMessage:
    """The message of a row. If an injection is named beside it alone, the whole row."""
    message = next((row[name] for name in _MESSAGES if name in row), "")
    text = message if isinstance(message, str) else json.dumps(message)
    whole = json.dumps(row)
    named = len(COUNTED.findall(whole))
    if named and not COUNTED.search(text):
        text = whole
    time = str(row.get("@timestamp", row.get("timestamp", "")))
    return SavedMessage(_stream(row, stream), text, time=time, named=named)


def _stream(found: Mapping[str, Any], otherwise: str) -> str:
    return next((str(found[name]) for name in _STREAMS if found.get(name)), otherwise)


def _pieces(lines: Iterator[str]) -> Iterator[SavedMessage]:
    prefixed: bool | None = None  # True if the log's lines begin with their stream
    stream = ""
    for number, piece in pieces(lines):
        if not piece.strip():
            continue
        named = _STREAM.match(piece)
        if prefixed is None:
            prefixed = bool(named)
        # a line without a stream goes on with the message before it
        stream = named[1] if named else stream if prefixed else ""
        yield from _piece(piece, number, stream)


def _piece(piece: str, number: int, stream: str) -> Iterator[SavedMessage]:
    """Read JSON values one after another, then the rest as text."""
    at = 0
    while at < len(piece):
        begin = len(piece) - len(piece[at:].lstrip())
        end, found = _value(piece, begin)
        if end is None:
            break
        yield from _with_lines(found, piece[begin:end], _line(piece, begin, number), stream)
        at = end
    rest = piece[at:]
    if rest.strip():
        named = COUNTED.search(rest)
        where = at + (named.start() if named else 0)
        yield SavedMessage(stream, rest, _line(piece, where, number))


def _line(piece: str, at: int, first: int) -> int:
    return first + piece.count("\n", 0, at)


def _value(piece: str, begin: int) -> tuple[int | None, Any]:
    """Decode the object, array or message at this place; no end if there is none."""
    if not piece.startswith(("{", "[", '"'), begin):
        return None, None
    try:
        found, end = _DECODER.raw_decode(piece, begin)
    except (ValueError, RecursionError):
        return None, None
    if isinstance(found, str) and piece[end:].strip():  # a text that begins with a quotation
        return None, None
    return end, found


def _with_lines(found: Any, text: str, first: int, stream: str) -> list[SavedMessage]:
    """All messages in a JSON value. They stand in the order of its text."""
    lines = [_line(text, one.start(), first) for one in COUNTED.finditer(text)]
    messages, used = [], 0
    for message in _walk(found, stream):
        line = lines[used] if message.named and used < len(lines) else first
        messages.append(replace(message, line=line))
        used += message.named
    return messages


def _walk(found: Any, stream: str, depth: int = 0) -> Iterator[SavedMessage]:
    if isinstance(found, list) and _is_row_of_fields(found):
        found = {one["field"]: one["value"] for one in found}
    if isinstance(found, list) and depth < _DEEP:
        for one in found:
            yield from _walk(one, stream, depth + 1)
    elif isinstance(found, str):
        yield _as_text(found, stream)
    elif not isinstance(found, dict):
        yield _as_text(json.dumps(found), stream)
    elif listed := [name for name in _LISTS if isinstance(found.get(name), list)]:
        for name, value in found.items():
            if name in listed:
                yield from _walk(value, _stream(found, stream), depth + 1)
            elif COUNTED.search(whole := json.dumps({name: value})):
                yield _as_text(whole, stream)
    elif _is_event(found):
        row = _row(found, stream)
        yield row if "@message" in found else replace(row, time=None)
    else:
        yield _as_text(json.dumps(found), stream)


def _as_text(text: str, stream: str) -> SavedMessage:
    return SavedMessage(stream, text, named=len(COUNTED.findall(text)))


def _is_row_of_fields(found: Sequence[Any]) -> bool:
    return bool(found) and all(
        isinstance(one, dict) and {"field", "value"} <= one.keys() for one in found
    )


def _is_event(found: Mapping[str, Any]) -> bool:
    """True if CloudWatch or Docker put this around a message, not the function."""
    if found.keys() == {"log", "stream", "time"}:
        return True
    if "message" not in found and "@message" not in found:
        return False
    if "@message" in found or any(name in found for name in _STREAMS):
        return True
    return found.get("source") != OURS and not {"level", "record", "type"} & found.keys()


def _in_order(found: list[SavedMessage]) -> list[SavedMessage]:
    """Sort rows by time, the oldest first. Logs Insights has the newest first."""
    if len(found) < 2:
        return found
    times = [one.time or "" for one in found]
    flat = min(times) == max(times)
    if times == sorted(times, key=_by_time) and not flat:
        return found
    if _by_time(times[0]) > _by_time(times[-1]) or (flat and _is_backwards(found)):
        found = found[::-1]
    if not flat:
        found = sorted(found, key=lambda one: (_by_time(one.time or ""), _rank(one)))
    return found


def _by_time(time: str) -> tuple[int, str]:
    return (len(time), time) if time.isdigit() else (0, time)


def _rank(message: SavedMessage) -> int:
    """Order messages of the same time: a start, everything else, the report."""
    kinds = {fact.kind for fact in facts_of(message.text)}
    return 0 if FactKind.START in kinds else 2 if FactKind.REPORT in kinds else 1


def _is_backwards(found: Sequence[SavedMessage]) -> bool:
    """True if most reports stand before the start of their invocation."""
    ended: set[str] = set()
    backwards = starts = 0
    for fact in (fact for one in found for fact in facts_of(one.text)):
        if fact.kind is FactKind.REPORT:
            ended.add(fact.request)
        elif fact.kind is FactKind.START:
            starts += 1
            backwards += fact.request in ended
    return backwards * 2 > starts
