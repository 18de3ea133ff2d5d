"""One log in every form that a tool saves gives the same sums, or a refusal with file and line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs.report import of_files

STREAM = "2026/11/28/[$LATEST]0123456789abcdef0123456789abcdef"
SPAN = '{"level":"INFO","message":"an {unfinished [thing"}'


def request(number: int) -> str:
    return f"{number}476a536-e9f4-11e8-9739-2dfe598c3fcd"


def injected(number: int) -> dict[str, Any]:
    line = {"source": "faultlayer", "level": "info", "event": "fault_injected", "fault": "latency"}
    return {**line, "request_id": request(number), "delay_ms": 300, "when": "before"}


def in_text() -> list[str]:
    """Four invocations that were hit, one that was not, and one that failed by itself."""
    messages = []
    for number in range(6):
        messages.append(f"START RequestId: {request(number)} Version: $LATEST")
        if number < 4:
            messages.append(json.dumps(injected(number), separators=(",", ":")))
        if number == 5:
            messages.append(
                "[ERROR] KeyError: 'order, \"one\"'\nTraceback (most recent call last):"
            )
        messages.append(f"END RequestId: {request(number)}")
        took = 301.29 if number < 4 else 2.5
        messages.append(
            f"REPORT RequestId: {request(number)}\tDuration: {took} ms\tBilled Duration: 302 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 42 MB\t"
        )
    return messages


def in_json() -> list[str]:
    """The same log in Lambda's JSON format."""
    messages = []
    for number in range(6):
        of = {"requestId": request(number)}
        messages.append(json.dumps({"time": "t", "type": "platform.start", "record": of}))
        if number < 4:
            messages.append(json.dumps(injected(number)))
        messages.append(json.dumps({"timestamp": "t", "level": "INFO", "message": "hello"}))
        status = "error" if number == 5 else "success"
        metrics = {"durationMs": 301.29 if number < 4 else 2.5, "billedDurationMs": 302}
        record = {**of, "metrics": metrics, "status": status}
        messages.append(json.dumps({"time": "t", "type": "platform.report", "record": record}))
    return messages


def indented(message: str, indent: int = 2) -> str:
    return json.dumps(json.loads(message), indent=indent) if message.startswith("{") else message


def when(number: int) -> str:
    return f"2026-11-28T01:00:{number:02}+00:00"


def events(messages: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            "logStreamName": STREAM,
            "timestamp": number,
            "message": message + "\n",
            "ingestionTime": 1,
            "eventId": str(number),
        }
        for number, message in enumerate(messages)
    ]


def table(head: list[str], rows: Iterable[list[Any]], delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def insights(messages: list[str]) -> list[dict[str, str]]:
    """Rows of Logs Insights, newest first, several in one millisecond."""
    return [
        {
            "@timestamp": f"2026-11-28 01:00:00.{number // 3:03}",
            "@message": message + "\n",
            "@logStream": STREAM,
            "@ptr": str(number),
        }
        for number, message in reversed(list(enumerate(messages)))
    ]


def fields(rows: list[dict[str, str]]) -> list[list[dict[str, str]]]:
    return [[{"field": key, "value": row[key]} for key in row] for row in rows]


def tail_format_json(messages: list[str]) -> str:
    return "".join(
        f"{when(number)} {STREAM} "
        + (f"\n{indented(message, 4)}\n" if message.startswith("{") else f"{message}\n")
        for number, message in enumerate(messages)
    )


def lines(messages: Iterable[str], end: str = "\n") -> str:
    return "".join(message + end for message in messages)


FORMS: dict[str, Callable[[list[str]], str]] = {
    "text": lines,
    "text, CRLF": lambda log: lines(log, "\r\n"),
    "tail, detailed": lambda log: lines(f"{when(n)} {STREAM} {m}" for n, m in enumerate(log)),
    "tail, short": lambda log: lines(f"{when(n)[:19]} {m}" for n, m in enumerate(log)),
    "tail, JSON": tail_format_json,
    "tail, JSON, CRLF": lambda log: tail_format_json(log).replace("\n", "\r\n"),
    "sam logs": lambda log: lines(f"{STREAM} {when(n)} {indented(m)}" for n, m in enumerate(log)),
    "sam logs, coloured": lambda log: lines(
        f"\x1b[36m{STREAM}\x1b[0m {when(n)} {indented(m)}" for n, m in enumerate(log)
    ).replace("fault_injected", "\x1b[4mfault_injected\x1b[0m"),
    "a console, times on lines of their own": lambda log: lines(
        f"{when(n)}\n{indented(m)}" for n, m in enumerate(log)
    ),
    "compose": lambda log: lines(f"orders-1  | {m}" for m in log),
    "compose, indented": lambda log: lines(
        f"orders-1  | {line}" for m in log for line in indented(m).split("\n")
    ),
    "the export to S3": lambda log: lines(f"{when(n)} {m}" for n, m in enumerate(log)),
    "a line that only looks like JSON": lambda log: lines(
        ["{ unfinished", SPAN, "{", "  key: 'value'", "}", "list [", *log]
    ),
    "filter-log-events": lambda log: json.dumps({"events": events(log), "nextToken": ""}, indent=4),
    "filter-log-events in one line": lambda log: json.dumps({"events": events(log)}),
    "get-log-events": lambda log: json.dumps(
        {
            "events": [{k: e[k] for k in ("timestamp", "message")} for e in events(log)],
            "nextForwardToken": "f/1",
        },
        indent=4,
    ),
    "events": lambda log: json.dumps(events(log), indent=2),
    "events, a line each": lambda log: lines(json.dumps(e) for e in events(log)),
    "events, one after the other": lambda log: lines(json.dumps(e, indent=2) for e in events(log)),
    "pages of events": lambda log: lines(
        json.dumps({"events": events(log[at : at + 5])}, indent=2) for at in range(0, len(log), 5)
    ),
    "messages": lambda log: json.dumps([e["message"] for e in events(log)], indent=4),
    "messages in one line": lambda log: json.dumps([e["message"] for e in events(log)]),
    "messages, a line each": lambda log: lines(json.dumps(e["message"]) for e in events(log)),
    "messages as text with tabs": lambda log: "\t".join(m + "\n" for m in log),
    "messages as text in one line": lambda log: "\t".join(log),
    "messages that are objects": lambda log: json.dumps(
        [
            {"timestamp": n, "message": json.loads(m) if m[0] == "{" else m}
            for n, m in enumerate(log)
        ]
    ),
    "messages and times": lambda log: json.dumps([[n, m] for n, m in enumerate(log)], indent=4),
    "messages that are indented": lambda log: json.dumps({"events": events(map(indented, log))}),
    "live tail": lambda log: lines(json.dumps({"sessionResults": [e]}) for e in events(log)),
    "a subscription": lambda log: json.dumps(
        {"messageType": "DATA_MESSAGE", "logStream": STREAM, "logEvents": events(log)}
    ),
    "events as text": lambda log: lines(
        f"EVENTS\t{n}\t{n}\t{m}\n\t{STREAM}\t{n}" for n, m in enumerate(log)
    ),
    "Docker": lambda log: lines(
        json.dumps({"log": m + "\n", "stream": "stdout", "time": ""}) for m in log
    ),
    "Insights, CSV": lambda log: table(
        ["@timestamp", "@message", "@logStream", "@ptr"], ([*r.values()] for r in insights(log))
    ),
    "Insights, CSV, oldest first": lambda log: table(
        ["@timestamp", "@message"],
        ([r["@timestamp"], r["@message"]] for r in reversed(insights(log))),
    ),
    "Insights, CSV, messages alone": lambda log: table(
        ["@message"], ([r["@message"]] for r in insights(log))
    ),
    "Insights, CSV, indented": lambda log: table(
        ["@timestamp", "@message"],
        ([r["@timestamp"], indented(r["@message"])] for r in insights(log)),
    ),
    "Insights, CSV, with columns of ours": lambda log: table(
        ["@timestamp", "@message", "event"],
        (
            [*r.values()][:2] + ["fault_injected" if "fault_injected" in r["@message"] else ""]
            for r in insights(log)
        ),
    ),
    "the console's CSV": lambda log: table(["timestamp", "message"], enumerate(log)),
    "a table with tabs": lambda log: table(["timestamp", "message"], enumerate(log), "\t"),
    "Insights, JSON": lambda log: json.dumps(insights(log), indent=2),
    "get-query-results": lambda log: json.dumps(
        {"results": fields(insights(log)), "statistics": {}, "status": "Complete"}, indent=4
    ),
    "get-query-results, several": lambda log: lines(
        json.dumps({"results": fields(insights(log)[at : at + 7])}) for at in range(0, 35, 7)
    ),
    "Insights, a row each line": lambda log: lines(json.dumps(row) for row in insights(log)),
    "get-query-results, its rows": lambda log: json.dumps(fields(insights(log))),
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Keep a log in a file; return its name."""

    def keep(log: str | bytes) -> str:
        path = tmp_path / "log"
        path.write_bytes(log.encode() if isinstance(log, str) else log)
        return str(path)

    return keep


def assert_sums(name: str) -> None:
    sums = of_files([name]).sums
    (fault,) = sums.faults.values()
    assert (fault.invocations, fault.injections, fault.median_ms) == (4, 4, 301.29)
    assert (sums.not_hit.invocations, sums.not_hit.errors, sums.not_hit.p95_ms) == (2, 1, 2.5)
    assert (sums.total.invocations, sums.total.errors) == (6, 1)
    assert not sums.troubles


@pytest.mark.parametrize("log", [in_text, in_json])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_sums(
    saved: Callable[[str | bytes], str], form: str, log: Callable[[], list[str]]
):
    assert_sums(saved(FORMS[form](log())))


@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", ["text, CRLF", "sam logs", "filter-log-events", "Insights, CSV"])
def test_every_encoding_gives_the_same_sums(
    saved: Callable[[str | bytes], str], form: str, encoding: str, packed: bool
):
    data = FORMS[form](in_text()).encode(encoding)
    if encoding == "utf-16-be" and not packed:
        data = b"\xfe\xff" + data
    assert_sums(saved(gzip.compress(data) if packed else data))


def test_rows_in_any_order_are_sorted_by_their_time(saved: Callable[[str | bytes], str]):
    rows = insights(in_json())
    for number, row in enumerate(rows):
        row["@timestamp"] = f"2026-11-28 01:00:00.{999 - number:03}"
    random.Random(1).shuffle(rows)
    assert_sums(saved(json.dumps(rows)))


def test_an_injection_without_a_request_counts_inside_other_json(
    saved: Callable[[str | bytes], str],
):
    """It hit a start, and belongs to the first invocation of its stream."""
    hit = {key: value for key, value in injected(0).items() if key != "request_id"}
    log = [json.dumps({"level": "INFO", "message": json.dumps(hit)}), *in_text()[:1]]
    sums = of_files([saved(tail_format_json(log))]).sums
    assert sums.faults["latency"].invocations == sums.total.invocations == 1


def numbered(text: str) -> int:
    """The number of the line that has the first injection."""
    return text[: text.index("fault_injected")].count("\n") + 1


NOT_UNDERSTOOD = {
    "cut off": lines(in_text()[:1]) + json.dumps(injected(1))[:70],
    "cut off in the middle": "\n" + json.dumps(injected(1), indent=2)[:-20] + "\nSTART RequestId",
    "a log in YAML": '- message: >\n    \'{"source":"faultlayer",\n\n    "event":"fault_injected"',
    "a document that is cut off": json.dumps({"events": events(in_text())}, indent=4)[:-900],
    "columns of one's own": table(["@timestamp", "event"], [["1", "x"], ["2", "fault_injected"]]),
    "another shape": json.dumps({"hits": [1, {"what": injected(1)}]}, indent=2),
    "another shape in one line": json.dumps({"hits": json.dumps(injected(1))}),
    "beside the events": json.dumps({"events": [], "more": "fault_injected"}, indent=2),
    "a number of them": "count\n\nfault_injected 4\n",
    "one of two in a line": json.dumps(injected(1)) + '{"event":"fault_injected"',
    "a message of an event": json.dumps({"events": events(["", "fault_injected?"])}, indent=1),
    "in a cell": table(["@timestamp", "@message"], [["1", "a\nb\n"], ["2", "fault_injected"]]),
    "an edited source": json.dumps({**injected(1), "source": "mine"}),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_a_mistake_with_file_and_line(
    saved: Callable[[str | bytes], str], name: str, encoding: str
):
    text = NOT_UNDERSTOOD[name]
    path = saved(text.encode(encoding))
    with pytest.raises(Mistake) as raised:
        of_files([path])
    said = str(raised.value)
    assert said.startswith(f"{path}:{numbered(text)}: ")
    assert "fault_injected is not understood" in said
    assert "\n" not in said


def test_a_long_message_in_a_table(saved: Callable[[str | bytes], str]):
    log = in_text()
    log.insert(3, "x" * 300_000)
    assert_sums(saved(table(["@timestamp", "@message"], enumerate(log))))


@pytest.mark.parametrize("log", [in_text, in_json])
@pytest.mark.parametrize(
    "form", ["text", "sam logs", "filter-log-events", "messages", "events, a line each"]
)
def test_a_log_that_stands_newest_first_is_a_mistake(
    saved: Callable[[str | bytes], str], form: str, log: Callable[[], list[str]]
):
    path = saved(FORMS[form](log()[::-1]))
    with pytest.raises(Mistake, match="stands newest first; allowed: oldest first"):
        of_files([path])


def test_a_report_line_that_was_folded_is_a_mistake(saved: Callable[[str | bytes], str]):
    """As `--output yaml` does; the table would have no durations."""
    path = saved(lines(in_text()).replace("\tDuration", "\\t\\\n  \\Duration"))
    with pytest.raises(Mistake) as raised:
        of_files([path])
    assert str(raised.value).startswith(f"{path}:4: a REPORT line has no duration")


@pytest.mark.parametrize("head", ["@timestamp,@message", "message\n", "@message\n\n\n"])
def test_a_table_without_rows_is_empty(saved: Callable[[str | bytes], str], head: str):
    assert of_files([saved(head)]).sums.empty
