"""Whose line a line of the log is, in whatever pieces it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultlayer_cli.logs.report import of_files
from faultlayer_cli.progress import Output, Silent
from faultlayer_cli.running.marked_log import MarkedLog

ID = "2f4bf8ce-3bcc-4373-9254-94da48fe9b61"
STAMP = "28 Nov 2026 06:53:31,717 [INFO] (rapid) INVOKE RTDONE(status: success)"
HIT = '{"source":"faultlayer","level":"info","event":"fault_injected","fault":"status"}'
WRONG = '{"source":"faultlayer","level":"warn","event":"config_error"}'
LOG = f"""28 Nov 2026 06:53:31,586 [INFO] (rapid) exec '/var/runtime/bootstrap'
START RequestId: {ID} Version: $LATEST
greeting 3 characters
{HIT}
no line break{STAMP}
half{HIT}
{WRONG}
END of the list
START here
END RequestId: {ID}
REPORT RequestId: {ID}\tDuration: 1.99 ms\t
日本語\r
 28 Nov 2026
last"""
SHOWN = f"""emulator: 28 Nov 2026 06:53:31,586 [INFO] (rapid) exec '/var/runtime/bootstrap'
emulator: START RequestId: {ID} Version: $LATEST
greeting 3 characters
{HIT}
no line break
emulator: {STAMP}
half
{HIT}
{WRONG}
END of the list
START here
emulator: END RequestId: {ID}
emulator: REPORT RequestId: {ID}\tDuration: 1.99 ms\t
日本語\r
 28 Nov 2026
last
"""
QUIET = f"""greeting 3 characters
no line break
half
{WRONG}
END of the list
START here
日本語\r
 28 Nov 2026
last
"""


class Taken(Silent):
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def output(self) -> Output:
        return self.pieces.append


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("quiet", "shown"), [(False, SHOWN), (True, QUIET)])
def test_each_line_is_told_apart(quiet: bool, shown: str, size: int) -> None:
    taken = Taken()
    marked = MarkedLog(taken, quiet=quiet)
    add, log = marked.output(), LOG.encode()
    for start in range(0, len(log), size):
        add(log[start : start + size])
    marked.close()
    marked.close()
    assert b"".join(taken.pieces).decode() == shown
    assert all(piece.endswith(b"\n") for piece in taken.pieces), "a write is of whole lines"


def test_the_label_of_an_environment_stays_before_each_part() -> None:
    taken = Taken()
    MarkedLog(taken).output()(f"[12] half{STAMP}\n[2] {STAMP}\n[2] hello\n".encode())
    assert b"".join(taken.pieces).decode().splitlines() == [
        "[12] half",
        f"[12] emulator: {STAMP}",
        f"[2] emulator: {STAMP}",
        "[2] hello",
    ]


@pytest.mark.parametrize("quiet", [False, True])
def test_notes_are_for_those_who_did_not_ask_for_quiet(quiet: bool) -> None:
    taken = Taken()
    marked = MarkedLog(taken, quiet=quiet)
    marked.note("fetching the emulator")
    with marked.counting("fetching") as count:
        count(1, 2)
    assert taken.notes == ([] if quiet else ["fetching the emulator"])


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    taken = Taken()
    add = MarkedLog(taken).output()
    for _ in range(100):
        add(b"x" * 10_000)
    assert sum(map(len, taken.pieces)) >= 700_000


def test_report_reads_a_log_that_is_saved_so(tmp_path: Path) -> None:
    saved, taken = tmp_path / "local.log", Taken()
    hit = HIT.replace("}", f',"request_id":"{ID}"}}')
    start, end = f"START RequestId: {ID} Version: $LATEST", f"END RequestId: {ID}"
    report = f"REPORT RequestId: {ID}\tDuration: 12.5 ms\tBilled Duration: 13 ms\t"
    MarkedLog(taken).output()("\n".join((start, STAMP, hit, end, report, "")).encode())
    saved.write_bytes(b"".join(taken.pieces))
    sums = of_files([str(saved)]).sums
    assert sums.total.invocations == sums.faults["status"].injections == 1
