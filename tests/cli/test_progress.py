"""What a room says while it works reaches whoever called it, or nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest

from faultlayer_cli.progress import SILENT
from faultlayer_cli.terminal import TERMINAL

COUNT = """
from faultlayer_cli.terminal import TERMINAL
with TERMINAL.counting("changing") as count:
    count(1, 2)
    count(2, 2)
TERMINAL.note("done")
"""


def test_notes_are_lines_on_standard_error(capsys: pytest.CaptureFixture[str]):
    TERMINAL.note("one thing")
    SILENT.note("another")
    assert capsys.readouterr() == ("", "faultlayer: one thing\n")


def test_counts_are_for_people(capsys: pytest.CaptureFixture[str]):
    """In a log there is no bar, and no line for each count."""
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "faultlayer: done\n")


def test_nobody_has_to_watch(capsys: pytest.CaptureFixture[str]):
    with SILENT.counting("changing") as count:
        count(1, None)
    assert capsys.readouterr() == ("", "")
