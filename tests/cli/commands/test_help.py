"""Help: summaries that fit a terminal, and examples that can be typed."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from cli_support import Command

from faultlayer_cli import main
from faultlayer_cli.commands import fault_flags
from faultlayer_cli.reference.command_pages import examples

ABOVE = click.Context(main.commands, info_name="faultlayer")
PLAN = '{"faults": [{"fault": "status", "code": 503}]}'


def command(name: str) -> click.Command:
    found = main.commands.get_command(ABOVE, name)
    assert found is not None
    return found


def test_summaries_are_whole_and_fit_80_columns(typed: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    listed, _, ending = typed("--help").out.partition("Commands:\n")[2].partition("\n\n")
    assert "  faultlayer demo\n" in ending
    lines = listed.splitlines()
    assert [line.split()[0] for line in lines] == main._COMMANDS
    for line in lines:
        assert len(line) <= 80
        assert line.endswith("."), line
        assert "..." not in line


@pytest.mark.parametrize("name", main._COMMANDS)
def test_each_help_ends_with_an_example_that_can_be_typed(
    name: str, typed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shown = typed(name, "--help").out
    found = examples(command(name))
    assert found
    monkeypatch.chdir(tmp_path)
    for line in found:
        assert f"    {line}\n" in shown
        words = shlex.split(line.partition("  #")[0].replace('"$(', "").replace(')"', ""))
        at = words.index("faultlayer")
        assert words[at + 1] == name
        arguments = words[at + 2 :]
        if ">" in arguments:
            arguments = arguments[: arguments.index(">")]
        for word in arguments:
            if word.endswith((".json", ".yaml", ".zip")):
                (tmp_path / word).write_text(PLAN)
        context = command(name).make_context(name, arguments, parent=ABOVE)
        given = {
            variable.upper(): text
            for variable, text in context.params.items()
            if variable.startswith("faultlayer_") and text is not None
        }
        fault_flags.parse(given, frozenset(given))
