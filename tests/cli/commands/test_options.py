"""Options that several commands share: each is on every command that it belongs to."""

from __future__ import annotations

import click
import pytest

from faultlayer_cli import main
from faultlayer_cli.commands import options

ACCOUNT = {"profile", "region", "json_"}
SELECTION = {"functions", "tags", "stacks"}
CHANGE = {"dry_run", "yes", "wait"}


def named(command: str) -> set[str]:
    found = main.commands.get_command(click.Context(main.commands), command)
    assert found is not None
    return {parameter.name or "" for parameter in found.params}


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("attach", ACCOUNT | SELECTION | CHANGE),
        ("detach", ACCOUNT | SELECTION | CHANGE),
        ("stop", ACCOUNT | SELECTION),
        ("status", ACCOUNT | SELECTION),
        ("arm", ACCOUNT | {"ssm", "appconfig", "dry_run", "yes"}),
        ("publish", ACCOUNT),
    ],
)
def test_a_command_has_what_it_shares(command: str, wanted: set[str]) -> None:
    assert wanted <= named(command)


def test_what_may_be_repeated_and_what_is_left_out() -> None:
    got: dict[str, object] = {}

    @click.command()
    @options.account_options
    @options.selection_options
    @options.change_options
    @options.source_options
    @options.region_options
    def command(**given: object) -> None:
        got.update(given)

    command.main(["a", "b", "--tag", "x=1", "--tag", "y=2", "-y"], standalone_mode=False)
    assert got["functions"] == ("a", "b")
    assert got["tags"] == ("x=1", "y=2")
    assert (got["yes"], got["wait"]) == (True, True)
    assert (got["dry_run"], got["all_regions"]) == (False, False)
    assert got["stacks"] == ()
    assert [got[name] for name in ("ssm", "appconfig", "profile", "region")] == [None] * 4


def test_the_faults_have_headings_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["local", "--help"]) == 0
    said = capsys.readouterr().out
    headings = [line for line in said.splitlines() if line[:1].isupper() and line[-1:] == ":"]
    assert len(headings) > 10
    assert "Options:" in headings


SPELLINGS = {
    "local": {("--log-only", "--dry-run"), ("--until", "--end"), ("--for",)},
    "explain": {("--log-only", "--dry-run"), ("--until", "--end")},
    "attach": {("--log-only",), ("--dry-run",), ("--until", "--end"), ("--for",)},
    "arm": {("--dry-run",), ("--until", "--end"), ("--for",)},
}


@pytest.mark.parametrize("command", SPELLINGS)
def test_a_flag_has_one_meaning(command: str) -> None:
    """A name is of one option. --dry-run, the old name of --log-only, has one where none was."""
    names = {name for spelling in SPELLINGS[command] for name in spelling}
    found = main.commands.get_command(click.Context(main.commands), command)
    assert found is not None
    options_of = [p for p in found.params if isinstance(p, click.Option)]
    shared = {tuple(p.opts) for p in options_of if names & set(p.opts)}
    assert shared == SPELLINGS[command]
