"""What the pages show is what the examples do, and every command they name is there."""

from __future__ import annotations

import shlex

import pages
import pytest

from faultlayer_cli.main import Commands, commands

START = pages.ROOT / "docs" / "start.md"
FILES = sorted(
    path
    for path in (pages.ROOT / "examples" / "iac").rglob("*")
    if path.is_file() and pages.pasted(path)
)
COMMANDS = [line for page in pages.PAGES for line in pages.commands(page, "faultlayer")]


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_a_page_quotes_the_files_as_they_are(page):
    for file, text in pages.quotes(page):
        assert text == pages.pasted(pages.ROOT / file), f"{file}: make docs writes it"


def test_every_example_is_quoted_and_every_snippet_is_an_example():
    quoted = [file for file, _ in pages.quotes(START)]
    assert sorted(quoted) == [str(file.relative_to(pages.ROOT)) for file in FILES]
    shown = START.read_text()
    languages = ("yaml", "python", "typescript", "hcl")
    snippets = sum(shown.count(f"```{language}\n") for language in languages)
    assert snippets == sum(not file.endswith(".sh") for file in quoted)


def test_there_are_commands_to_check():
    assert {line.split()[1] for line in COMMANDS} >= {"publish", "attach", "stop", "detach"}


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_line_of_a_page_is_understood(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "function.zip").touch()
    (tmp_path / "plan.yaml").write_text("faults: []\n")
    words = shlex.split(line, comments=True)
    _, name, *arguments = words[: words.index(">")] if ">" in words else words
    assert isinstance(commands, Commands)
    command = commands.get_command(None, name)
    assert command is not None
    command.make_context(name, arguments)
