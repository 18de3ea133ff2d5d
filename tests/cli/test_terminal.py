"""What the command says beside its answer: on standard error, and counts on a terminal alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from faultlayer_cli.terminal import TERMINAL, say

COUNTS = """
from faultlayer_cli.terminal import TERMINAL
with TERMINAL.counting("reading", "lines") as count:
    for number in range(3):
        count(number * 1000, None)
with TERMINAL.counting("asking") as count:
    count(5, 10)
TERMINAL.note("done")
"""


def test_a_note_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("fetching it")
    TERMINAL.note("and another")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "faultlayer: fetching it\nfaultlayer: and another\n")


def test_a_pipe_sees_no_counts() -> None:
    command = [sys.executable, "-c", COUNTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "faultlayer: done\n")


def test_a_terminal_sees_how_far_it_is() -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", COUNTS], stderr=theirs, env=environ)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # which is how a terminal ends
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert b"reading: " in shown
    assert b"5/10" in shown
    assert b"faultlayer: done" in shown
