"""The `faultlayer` command itself: its subcommands, its version, and what is none of them."""

from __future__ import annotations

import click
import pytest

from faultlayer import __version__
from faultlayer_cli import main


def test_help_lists_every_command_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    said = capsys.readouterr().out.partition("Commands:")[2]
    lines = [line.split(None, 1) for line in said.splitlines() if line.strip()]
    named = [line[0] for line in lines if line]
    assert [name for name in named if name in main._COMMANDS] == main._COMMANDS


@pytest.mark.parametrize("name", main._COMMANDS)
def test_each_is_found_by_its_name(name: str) -> None:
    command = main.commands.get_command(click.Context(main.commands), name)
    assert command is not None
    assert command.name == name


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"faultlayer {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["local", "--nonsense"]])
def test_what_is_no_command_is_a_mistake(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err


def test_a_command_s_own_number_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for result, code in ((None, 0), (4, 4), ("text", 0)):
        monkeypatch.setattr(main.commands, "main", lambda *_, r=result, **__: r)
        assert main.run([]) == code


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("atach", "attach"),
        ("stats", "status"),
        ("wrap_package", "wrap-package"),
        ("exlain", "explain"),
    ],
)
def test_a_mistyped_command_gets_a_suggestion(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([typed, "--help"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"faultlayer: No such command '{typed}'; did you mean {meant}?; allowed: "
    )
    assert line.endswith(", ".join(main._COMMANDS))


def test_a_command_that_is_like_none_gets_the_list_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["nonsensical"]) == 2
    assert "did you mean" not in capsys.readouterr().err
