"""What the command says beside its answer: on standard error, and counts on a terminal alone."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from cli_support import ROOT

from faultlayer_cli.terminal import TERMINAL, put, safe, safe_lines, say, styled

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


UNSAFE = [
    *range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F),
    *range(0x2066, 0x206A), 0xFEFF, 0xD800, 0xDFFF, 0xE0041,
]  # fmt: skip


@pytest.mark.parametrize("number", UNSAFE, ids="{:04x}".format)
def test_a_control_character_is_shown_as_json_writes_it(number: int) -> None:
    shown = safe(f"a{chr(number)}b")
    assert shown.isascii() and shown.isprintable()
    assert json.loads(f'"{shown}"') == f"a{chr(number)}b"


def test_what_people_write_stays_as_it_is() -> None:
    text = "Größe 大小 حجم می‌خواهم 👩‍💻 \N{NO-BREAK SPACE}–×"
    assert safe(text) == safe_lines(text) == styled(text).plain == text


def test_lines_and_tabs_of_another_program_stay_and_nothing_else() -> None:
    assert safe_lines("a\tb\r\nc\rd\n\x1b[31m") == "a\tb\nc\\u000dd\n\\u001b[31m"


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("no\nfaultlayer: yes")
    put("one\ntwo", "three\t")
    put()
    said = capsys.readouterr()
    assert said.err == "faultlayer: no\\u000afaultlayer: yes\n"
    assert said.out == "one\\u000atwo\nthree\\u0009\n"


PASSED_ON = """
from faultlayer_cli.terminal import TERMINAL, put_bytes
passed = TERMINAL.output()
for piece in (b"\\x1b[31mred\\x1b[0m \\xc3", b"\\xa9 \\xff\\n"):
    passed(piece)
put_bytes(b"\\x9b\\xc2\\x9b")
"""


def test_output_of_others_is_safe_on_a_terminal_and_untouched_in_a_pipe() -> None:
    command = [sys.executable, "-c", PASSED_ON]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b"\x1b[31mred\x1b[0m \xc3\xa9 \xff\n"
    assert done.stdout == b"\x9b\xc2\x9b"
    ours, theirs = pty.openpty()
    environ = {**os.environ, "PYTHONUTF8": "1"}
    subprocess.run(command, stdout=theirs, stderr=theirs, env=environ, check=True)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert shown.splitlines() == ["\\u001b[31mred\\u001b[0m é \\xff", "\\x9b\\u009b"]


def test_a_bugs_traceback_is_safe_too() -> None:
    script = (
        "import threading; from faultlayer_cli.terminal import prepare; prepare()\n"
        "def bug(): raise ValueError('\\x1b[2J')\n"
        "thread = threading.Thread(target=bug); thread.start(); thread.join(); bug()"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last):\n") == 2
    assert done.stderr.count("ValueError: \\u001b[2J\n") == 2
    assert "\x1b" not in done.stderr


def test_a_terminal_that_lacks_a_character_shows_its_number() -> None:
    script = "from faultlayer_cli.terminal import prepare, put; prepare(); put(chr(0x2013))"
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, check=True, env=environ)
    assert done.stdout == b"\\u2013\n"


@pytest.mark.parametrize(
    "code",
    ["print(1)", "import sys\nsys.stdout.write('')", "from sys import stderr",
     "import click\nclick.echo(1)", "import rich", "from rich.console import Console"],
)  # fmt: skip
def test_a_command_that_prints_past_it_does_not_pass_the_check(code: str) -> None:
    pytest.importorskip("ruff", reason="one Python of those that are tried has it")
    name = ROOT / "cli" / "faultlayer_cli" / "commands" / "new.py"
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", name, "-"]
    select = ["--select", "T20,TID251", "--output-format", "concise"]
    done = subprocess.run([*command, *select], input=code, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "T201" in done.stdout or "TID251" in done.stdout
