"""Flags come from the fault registry, mean what the variables mean, and are judged like them."""

from __future__ import annotations

import time
from pathlib import Path

import click
import pytest
from cli_support import HELLO, Command

from faultlayer.faults import all_faults
from faultlayer.values import instant
from faultlayer.values.kinds import Flag
from faultlayer.vocabulary.registry import COMMON, GLOBALS
from faultlayer_cli.commands import fault_flags
from faultlayer_cli.commands.local import local

LATER = "2099-01-31T17:00:00Z"
SETTINGS = fault_flags.settings()
OURS = {
    "handler",
    "invoke",
    "listen",
    "function-env",
    "function-timeout",
    "function-memory",
    "function-storage",
    "layer",
}
# Every fault that the product contract names, those to come too.
FAULTS = {
    *("latency", "timeout", "exception", "status", "corruption", "headers", "event", "duplicate"),
    *("batch", "oversize", "init", "crash", "disk", "memory", "cpu", "env"),
}


def stem(setting: fault_flags.Setting) -> list[str]:
    """Arguments that switch on the fault to which this option belongs, unless it does itself."""
    for fault in all_faults():
        named = fault.variables()
        if setting.variable in named and setting.variable != next(iter(named)):
            return [f"--{fault.name}={fault.main.kind.example}"]
    return []


def test_every_variable_has_one_flag():
    variables = {name for fault in all_faults() for name in fault.variables()}
    variables |= {"FAULTLAYER_" + option.name for option in GLOBALS}
    assert {setting.variable for setting in SETTINGS} == variables
    assert len({setting.flag for setting in SETTINGS}) == len(variables)


def test_no_flag_has_two_meanings():
    names = [name for p in local.params if isinstance(p, click.Option) for name in p.opts]
    assert len(names) == len(set(names))
    assert not OURS & FAULTS


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.flag)
def test_a_flag_becomes_its_variable(typed: Command, setting: fault_flags.Setting):
    bare = isinstance(setting.option.kind, Flag)
    value = "true" if bare else setting.option.kind.example
    argument = setting.flag if bare else f"{setting.flag}={value}"
    said = typed("local", HELLO, *stem(setting), argument)
    assert (said.code, said.err) == (0, "")
    assert said.run is not None
    assert said.run.function.env[setting.variable] == value


@pytest.mark.parametrize(
    "setting",
    [
        setting
        for setting in SETTINGS
        if not isinstance(setting.option.kind, Flag) and not setting.option.kind.empty
    ],
    ids=lambda setting: setting.flag,
)
def test_an_empty_value_is_a_mistake_told_in_flags(typed: Command, setting: fault_flags.Setting):
    said = typed("local", HELLO, *stem(setting), f"{setting.flag}=")
    assert said.code == 2
    (line,) = said.lines
    assert line.startswith(f"faultlayer: {setting.flag} ")
    assert "allowed: " in line
    assert "FAULTLAYER_" not in line


def test_an_option_without_its_fault_names_the_flag_that_is_missing(typed: Command):
    said = typed("local", HELLO, "--latency-when", "after")
    assert said.code == 2
    assert said.lines == ["faultlayer: --latency-when has no effect without --latency"]


def test_several_mistakes_are_a_line_each(typed: Command):
    said = typed("local", HELLO, "--status", "999", "--latency", "soon")
    assert said.code == 2
    assert [line.split()[1] for line in said.lines] == ["--latency", "--status"]


def test_variables_that_are_set_already_count(typed: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAULTLAYER_LATENCY", "1s")
    monkeypatch.setenv("FAULTLAYER_SEED", "7")
    said = typed("local", HELLO, "--latency", "300ms")
    assert said.run is not None
    assert said.run.function.env == {"FAULTLAYER_LATENCY": "300ms", "FAULTLAYER_SEED": "7"}


def test_a_mistake_in_a_variable_is_told_as_one(typed: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAULTLAYER_LATENCYY", "1s")
    said = typed("local", HELLO)
    assert said.code == 2
    (line,) = said.lines
    assert "FAULTLAYER_LATENCYY" in line
    assert "did you mean FAULTLAYER_LATENCY?" in line


def test_which_of_several_values_counts(
    typed: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Those of the shell, then files, then -e, then flags."""
    files = [tmp_path / "one.env", tmp_path / "two.env"]
    files[0].write_text("FAULTLAYER_STATUS=501\nFAULTLAYER_SEED=file\nA=one\nB=one\n")
    files[1].write_text("B=two\nC=two\nD\nE\n")
    for name, text in {"LATENCY": "1s", "STATUS": "500", "CPU": "1"}.items():
        monkeypatch.setenv(f"FAULTLAYER_{name}", text)
    monkeypatch.setenv("D", "of the shell")
    monkeypatch.setenv("F", "of the shell")
    monkeypatch.delenv("E", raising=False)
    arguments = ["-e", "C=e", "-e", "FAULTLAYER_CPU=2", "-e", "F", "-e", "E", "--status", "503"]
    given = [argument for file in files for argument in ("--env-file", file)]
    run = typed("local", HELLO, *given, *arguments).run
    assert run is not None
    assert run.function.env == {
        **{"FAULTLAYER_LATENCY": "1s", "FAULTLAYER_CPU": "2", "FAULTLAYER_STATUS": "503"},
        "FAULTLAYER_SEED": "file",
        **{"A": "one", "B": "two", "C": "e", "D": "of the shell", "F": "of the shell"},
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [(["--dry-run"], ["--log-only"]), (["--end", LATER], ["--until", LATER])],
    ids=["--dry-run", "--end"],
)
def test_old_names_go_on_working(typed: Command, old: list[str], new: list[str]):
    before, now = (typed("local", HELLO, "--status", "503", *flags).run for flags in (old, new))
    assert before is not None and now is not None
    assert before.function.env == now.function.env
    assert "old name" in typed("local", "--help").out


def test_faults_end_after_a_time(typed: Command):
    run = typed("local", HELLO, "--status", "503", "--for", "2h").run
    assert run is not None
    ahead = instant.parse(run.function.env["FAULTLAYER_END"] or "") - time.time()
    assert 7100 < ahead <= 7200


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--for", "2h"], "--for without a fault; allowed: with the faults that are to end"),
        (["--status", "503", "--for", "soon"], "--for is not a time up to a year; allowed: "),
        (
            ["--status", "503", "--for", "2h", "--end", LATER],
            "the end is given twice; allowed: one of --for and --until",
        ),
        (
            ["--status", "503", "--until", "2020-01-01T00:00:00Z"],
            "--until is over already; allowed: a time that is to come",
        ),
    ],
)
def test_an_end_that_makes_no_sense(typed: Command, flags: list[str], told: str):
    said = typed("local", HELLO, *flags)
    assert (said.code, said.run) == (2, None)
    (line,) = said.lines
    assert line.startswith(f"faultlayer: {told}")


def test_help_shows_every_fault_once_and_what_all_have_once(typed: Command):
    said = typed("local", "--help")
    assert said.code == 0
    for fault in all_faults():
        assert f"\n{fault.name.capitalize()}:\n" in said.out
    for option in COMMON:
        assert f"--FAULT-{option.name}" in said.out
        assert f"--latency-{option.name} " not in said.out.replace("--latency-rate 20%", "")
