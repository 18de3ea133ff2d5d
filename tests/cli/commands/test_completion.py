"""`faultlayer completion`: the scripts in real shells, and what these are told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_support import ROOT, Command

import machine

# Each asks its shell for what it would offer for the words of a line, one a line.
SCRIPTS = {
    "bash": """
source completion
complete -p faultlayer >/dev/null || exit 1
compopt() { COMPREPLY=("<$2>"); }  # which works in interactive shells alone
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_faultlayer_completion faultlayer
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { [ "$2" = faultlayer ] || exit 1 }
_describe() { print -l -- ${completions_with_descriptions%%:*} }
compadd() { print -l -- $completions }
_path_files() { print -- "<$1>" }
source ./completion
words=("$@"); CURRENT=$#
_faultlayer_completion
""",
    "fish": """
source completion
for one in (complete --do-complete "$argv")
    string split --fields 1 \\t -- $one
end
true
""",
}


@pytest.fixture(params=SCRIPTS)
def offers(request: pytest.FixtureRequest, tmp_path: Path, typed: Command):
    """What this shell offers for a line."""
    shell = request.param
    program = machine.program(shell)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    command = bin_ / "faultlayer"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m faultlayer_cli "$@"\n')
    command.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(SCRIPTS[shell])
    (tmp_path / "completion").write_text(typed("completion", shell).out)
    (tmp_path / "plan.yaml").touch()
    # Whoever runs this may have settings for a shell, and completions.
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("AWS_")},
        "HOME": str(tmp_path),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'extension'}:{ROOT / 'cli'}",
    }
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]

    def ask(line: str) -> set[str]:
        words = [line] if shell == "fish" else line.split(" ")
        done = subprocess.run(
            [program, *quiet, script, *words],
            env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done
        return set(done.stdout.split())

    return ask


def test_a_shell_completes_commands_flags_choices_and_files(offers):
    assert offers("faultlayer s") == {"stop", "status", "show"}
    flags = {"--latency", "--latency-when", "--latency-rate", "--latency-match", "--latency-max"}
    assert offers("faultlayer local --latency") == flags
    assert offers("faultlayer explain --corruption ") == {"truncate", "garble", "replace"}
    assert offers("faultlayer validate p") & {"<default>", "<-f>", "plan.yaml"}


Offered = Callable[[str], list[str]]


@pytest.fixture
def offered(
    typed: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Offered:
    """What the command tells bash of a line."""

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_FAULTLAYER_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit) as ended:
            typed()
        said = capsys.readouterr()
        assert (ended.value.code, said.err) == (0, "")
        return said.out.splitlines()

    return ask


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("faultlayer publish --arch ", ["plain,x86_64", "plain,arm64"]),
        ("faultlayer attach --status-wh", ["plain,--status-when"]),
        ("faultlayer attach --status-when ", ["plain,before", "plain,after"]),
        ("faultlayer attach --plan ", ["file,"]),
        ("faultlayer explain --fault-ev", ["plain,--fault-event"]),
        ("faultlayer local ", ["dir,"]),
        ("faultlayer local . --invoke ", ["file,"]),
        ("faultlayer arm ", ["file,"]),
        ("faultlayer report ", ["file,"]),
        ("faultlayer wrap-package ", ["file,"]),
    ],
)
def test_what_a_shell_is_told(offered: Offered, line: str, offers: list[str]):
    assert offered(line) == offers


def test_a_flag_that_the_help_leaves_out_is_offered_once_its_fault_is_typed(offered: Offered):
    assert "plain,--latency-rate" not in offered("faultlayer local --")
    assert "plain,--latency-rate" in offered("faultlayer local --latency")


def test_another_shell_is_a_mistake(typed: Command):
    said = typed("completion", "tcsh")
    assert said.code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in said.err
