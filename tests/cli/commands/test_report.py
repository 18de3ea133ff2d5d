"""`faultlayer report` on saved logs: the formats of a file, the table, the JSON, and mistakes."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
from pathlib import Path
from typing import Any

import pytest
from cli_support import Command, Started

from faultlayer_cli.commands import report
from faultlayer_cli.errors import Mistake

NOW = 1_801_414_800.0  # 2027-01-31T17:00:00Z


def log(count: int = 20) -> list[str]:
    """Every fifth is late, the next one an error of the function's own."""
    lines: list[str] = []
    for number in range(count):
        request = f"00000000-0000-0000-0000-{number:012}"
        lines.append(f"START RequestId: {request} Version: $LATEST")
        if number % 5 == 0:
            said = {
                "source": "faultlayer",
                "level": "info",
                "event": "fault_injected",
                "fault": "latency",
                "request_id": request,
                "delay_ms": 300,
            }
            lines.append(json.dumps(said))
        if number % 5 == 1:
            lines.append("[ERROR] KeyError: 'order'\nTraceback (most recent call last):")
        duration = 300.5 if number % 5 == 0 else 2.0
        lines.append(f"END RequestId: {request}")
        lines.append(f"REPORT RequestId: {request}\tDuration: {duration} ms\tBilled Duration: 3 ms")
    return lines


def events(lines: list[str]) -> dict[str, Any]:
    """As `aws logs filter-log-events` gives it."""
    stream = "2027/01/31/[$LATEST]0123456789abcdef0123456789abcdef"
    return {
        "events": [
            {"logStreamName": stream, "timestamp": number, "message": line, "eventId": str(number)}
            for number, line in enumerate(lines)
        ],
        "searchedLogStreams": [],
    }


TAIL = "2027-01-31T17:00:00+00:00 2027/01/31/[$LATEST]0123456789abcdef0123456789abcdef "
FILES = {
    "text": "\n".join(log()),
    "text, carriage returns": "\r\n".join(log()),
    "aws logs tail": "\n".join(TAIL + line for line in log()),
    "filter-log-events": json.dumps(events(log()), indent=4),
    "filter-log-events in one line": json.dumps(events(log())),
    "its events alone": json.dumps(events(log())["events"], indent=2),
    "its pages": "\n".join(
        json.dumps(events(log()[at : at + 9]), indent=4) for at in range(0, 99, 9)
    ),
    "its pages, a line each": "\n".join(
        json.dumps(events(log()[at : at + 9])) for at in range(0, 99, 9)
    ),
}


def summed(said: Any) -> dict[str, Any]:
    assert (said.code, said.err) == (0, "")
    found: dict[str, Any] = json.loads(said.out)
    return found


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
def test_every_form_of_a_saved_log(typed: Command, tmp_path: Path, form: str, packed: bool):
    data = FILES[form].encode()
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(data) if packed else data)
    found = summed(typed("report", path, "--json"))
    (fault,) = found["faults"]
    assert found["logs"] == [str(path)]
    assert (fault["fault"], fault["injections"], fault["errors"]) == ("latency", 4, 0)
    assert (fault["share"], fault["median_ms"], fault["p95_ms"]) == (0.2, 300.5, 300.5)
    assert (found["not_hit"]["invocations"], found["not_hit"]["errors"]) == (16, 4)
    assert (found["total"]["invocations"], found["total"]["error_share"]) == (20, 0.2)
    assert found["troubles"] == []


def test_the_table(typed: Command, tmp_path: Path):
    path = tmp_path / "log"
    wrong = {"source": "faultlayer", "level": "error", "event": "config_error"}
    wrong |= {"variable": "FAULTLAYER_RATE", "message": "is not a rate"}
    path.write_text("\n".join([*log(), json.dumps(wrong), json.dumps(wrong)]))
    said = typed("report", path)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "fault      injections  dry runs  invocations   errors      median ms  p95 ms",
        "latency             4         0    4 (20.0 %)   0 (0.0 %)      300.5   300.5",
        "(not hit)                         16 (80.0 %)  4 (25.0 %)        2.0     2.0",
        "total               4         0  20 (100.0 %)  4 (20.0 %)        2.0   300.5",
        "config_error FAULTLAYER_RATE: is not a rate (2 times)",
    ]


def test_nothing_injected_explains_itself(typed: Command, tmp_path: Path):
    path = tmp_path / "log"
    late = {"source": "faultlayer", "level": "warn", "event": "not_redirected"}
    late |= {"message": "no invocation came through the proxy"}
    quiet = [line for line in log() if "fault_injected" not in line]
    path.write_text("\n".join([*quiet, json.dumps(late)]))
    said = typed("report", path)
    assert said.code == 0
    assert said.out.splitlines()[-2:] == [
        "no fault was injected",
        "not_redirected: no invocation came through the proxy",
    ]


def test_unknown_durations_are_shown_as_such(typed: Command, tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("\n".join(line for line in log() if "RequestId" not in line))
    said = typed("report", path)
    assert re.search(r"^latency +4 +0 +4 \(100\.0 %\) +0 \(0\.0 %\) +– +–$", said.out, re.M), (
        said.out
    )


@pytest.mark.parametrize("text", ["", "\n\n", "hello\n", "{}", "[]", '{"events": []}', "\x00\xff"])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_log_that_tells_nothing(typed: Command, tmp_path: Path, text: str, more: list[str]):
    path = tmp_path / "log"
    path.write_text(text)
    said = typed("report", path, *more)
    assert said.code == 0
    assert said.lines == [f"faultlayer: no invocation and no line of faultlayer's in {path}"]
    assert bool(said.out) == bool(more)
    if more:
        assert json.loads(said.out)["total"]["invocations"] == 0


def test_several_files_are_one_report(typed: Command, tmp_path: Path):
    for name, at in (("one", 0), ("two", 10)):
        (tmp_path / name).write_text("\n".join(log()[at:]))
    found = summed(typed("report", tmp_path / "one", tmp_path / "one", "--json"))
    assert found["total"]["invocations"] == 20
    found = summed(typed("report", tmp_path / "one", tmp_path / "two", "--json"))
    assert found["logs"] == [str(tmp_path / "one"), str(tmp_path / "two")]
    assert found["total"]["invocations"] > 20


def test_standard_input(spawned: Started):
    process = spawned("report", "-", "--json")
    out, err = process.communicate("\n".join(log()), timeout=30)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["total"]["invocations"] == 20


def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(spawned: Started, tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("\n".join(log()))
    ours, theirs = pty.openpty()
    process = spawned("report", path, stderr=theirs, TERM="xterm")
    out, _ = process.communicate(timeout=30)
    os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert "reading the log" in seen
    assert "reading" not in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one kind of log; allowed: --log-group, --function, --tag and --stack, or files"),
        (
            ["no-such"],
            "cannot read no-such: No such file or directory; the log of a function",
        ),
        (["FILE", "--function", "f"], "name one kind of log; allowed: --log-group, --function"),
        (["FILE", "--since", "1h"], "--since and --until are for CloudWatch; a file is read as"),
        (["/nowhere/log"], "cannot read /nowhere/log: No such file or directory"),
        (["/tmp"], "cannot read /tmp: Is a directory"),
        (["--function", "f", "--since", "yesterday"], "--since is not a time in ISO 8601; allow"),
        (["--function", "f", "--since", "2027-01-31"], "--since is a day without a time; allowed"),
        (["--function", "f", "--until", "0h"], "--until is not a time in ISO 8601; allowed: for"),
        (
            ["--function", "f", "--since", "1h", "--until", "2h"],
            "--until is not after --since; allowed: a time after it",
        ),
        (["--log-group", "a b", "--region", "eu-west-1"], "--log-group a b is no name of a log"),
    ],
)
def test_mistakes(typed: Command, tmp_path: Path, arguments: list[str], said: str):
    file = tmp_path / "log"
    file.write_text("")
    answer = typed("report", *(str(file) if one == "FILE" else one for one in arguments))
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.lines
    assert line.startswith(f"faultlayer: {said}")


def test_a_broken_gzip_file(typed: Command, tmp_path: Path):
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress("\n".join(log()).encode())[:-20])
    said = typed("report", path)
    assert said.code == 2
    assert said.lines[0].startswith(f"faultlayer: cannot read {path}: ")


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        ("30m", None, NOW - 1800, NOW),
        ("1d", "2h", NOW - 86400, NOW - 7200),
        ("2027-01-31T17:30:00+01:00", "2027-01-31T16:45:00Z", NOW - 1800, NOW - 900),
        ("1h", "2027-01-31T18:00:00Z", NOW - 3600, NOW + 3600),
    ],
)
def test_the_period(since: str, until: str | None, start: float, end: float):
    assert report.window(since, until, NOW) == (start, end)


def test_a_period_ends_after_it_begins():
    with pytest.raises(Mistake):
        report.window("2027-01-31T17:00:00Z", None, NOW)


def test_the_hosts_that_were_called(typed: Command, tmp_path: Path):
    path = tmp_path / "log"
    line = {"source": "faultlayer", "level": "info", "event": "host_observed", "port": 443}
    counts = {"connections": 3, "failed": 1, "direct": 1, "sent": 10, "received": 2000}
    counts |= {"connect_ms": "0.9*2", "first_byte_ms": "15 120"}
    lines = [json.dumps({**line, "host": name, **counts}) for name in ("a.test", "fd00::1")]
    others = {"source": "faultlayer", "event": "host_observed", "others": True, **counts}
    path.write_text("\n".join([lines[0], lines[0], lines[1], json.dumps(others)]))
    said = typed("report", path)
    assert (said.code, said.err) == (0, "")
    head, *rows, direct, aim = said.out.splitlines()
    assert head.startswith("host ")
    assert head.endswith("connect: median ms  p95 ms  first byte: median ms  p95 ms")
    assert [row.split() for row in rows] == [
        ["a.test:443", "6", "2", "20", "4000", "0.9", "0.9", "15", "120"],
        ["[fd00::1]:443", "3", "1", "10", "2000", "0.9", "0.9", "15", "120"],
        ["(others)", "3", "1", "10", "2000", "0.9", "0.9", "15", "120"],
    ]
    assert direct.endswith(": 4")
    assert aim.endswith("--network 300ms --network-hosts a.test:443")
    found = summed(typed("report", path, "--json"))["hosts"]
    assert [one.get("aim") for one in found] == ["a.test:443", "[fd00::1]:443", None]


def test_a_line_of_a_host_that_was_cut_off_is_no_zero(typed: Command, tmp_path: Path):
    path = tmp_path / "log"
    path.write_text('{"source":"faultlayer","event":"host_observed","host":"a.te')
    said = typed("report", path)
    assert said.code == 2
    assert "host_observed is not understood here" in said.err
