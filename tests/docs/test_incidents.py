"""The faults' pages: each has an incident, and an example that the validator takes."""

from __future__ import annotations

import json
import re
import shlex

import pages
import pytest

from faultlayer.faults import fault_names, find_fault
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.commands import validate
from faultlayer_cli.main import Commands, commands
from faultlayer_cli.plans import files as plan_files

PAGE = pages.ROOT / "docs" / "incidents.md"
SECTIONS = {
    path.stem: path.read_text()
    for path in sorted((pages.ROOT / "docs" / "faults").glob("*.md"))
    if path.stem != "index"
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
KNOWN = sorted(SECTIONS)


def lines(text: str) -> list[str]:
    """The lines of the shell blocks, their `\\`s resolved."""
    blocks = "".join(body for kind, body in BLOCK.findall(text) if kind == "sh")
    return blocks.replace("\\\n", " ").splitlines()


def variables(text: str) -> dict[str, str]:
    """The variables of a section, as the shell reads them."""
    assigned = [shlex.split(line)[0] for line in lines(text) if line.startswith(PREFIX)]
    return {name: value for name, _, value in (each.partition("=") for each in assigned)}


def typed(line: str) -> dict[str, str]:
    """The variables that a command of the page comes to."""
    _, name, *arguments = shlex.split(line, comments=True)
    assert isinstance(commands, Commands)
    command = commands.get_command(None, name)
    assert command is not None
    given = command.make_context(name, arguments).params
    stem = PREFIX.lower()
    return {key.upper(): value for key, value in given.items() if key.startswith(stem) and value}


def attachments(text: str) -> list[dict[str, str]]:
    return [typed(line) for line in lines(text) if line.startswith("faultlayer attach")]


def test_every_fault_has_a_page_and_a_row_in_the_table():
    assert set(fault_names()) == set(SECTIONS)
    rows = re.findall(r"^\| \[([A-Z]+)\]\(faults/([a-z]+)\.md\) \|", PAGE.read_text(), re.M)
    assert sorted(name.lower() for name, _ in rows) == sorted(SECTIONS)
    assert all(name.lower() == file for name, file in rows)


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_section_has_an_incident_an_example_and_what_to_expect(name):
    text = SECTIONS[name]
    assert "\n## How it acts\n\n- " in text
    assert re.search(r"\]\(https://", text)
    assert f"{PREFIX}{name.upper()}" in variables(text)
    assert "- **Look at**" in text
    assert "- **A good application**" in text


@pytest.mark.parametrize("name", [name for name in KNOWN if find_fault(name).aims_at_hosts])
def test_a_fault_of_connections_says_what_is_seen_and_shows_its_line(name):
    text = SECTIONS[name]
    assert "\n## What the function sees\n" in text
    ((_, line),) = [block for block in BLOCK.findall(text) if block[0] == "text"]
    fields = json.loads(line)
    assert (fields["event"], fields["fault"]) == ("fault_injected", name)
    known = {"source", "level", "event", "fault", "request_id"}
    assert set(fields) == known | set(find_fault(name).logged)


@pytest.mark.parametrize("name", KNOWN)
def test_the_variables_arm_that_fault_and_no_other(name, tmp_path, monkeypatch):
    given = variables(SECTIONS[name])
    read = read_environment(given)
    assert [f"{problem.variable} {problem.message}" for problem in read.problems] == []
    assert {variable.split("_")[1].lower() for variable in given} == {name}
    monkeypatch.chdir(tmp_path)
    written = "".join(f"{line}\n" for line in lines(SECTIONS[name]) if line.startswith(PREFIX))
    (tmp_path / "variables").write_text(written)
    assert validate.validate.main(["--variables", "variables"], standalone_mode=False) == 0


@pytest.mark.parametrize("name", KNOWN)
def test_the_first_command_comes_to_these_variables_and_the_others_are_right(name):
    first, *others = attachments(SECTIONS[name])
    assert first == variables(SECTIONS[name])
    for given in others:
        assert f"{PREFIX}{name.upper()}" in given
        assert [problem.message for problem in read_environment(given).problems] == []


def test_every_example_ends_by_itself():
    every = [
        line
        for text in SECTIONS.values()
        for line in lines(text)
        if line.startswith("faultlayer attach")
    ]
    assert len(every) >= len(SECTIONS)
    assert [line for line in every if "--for " not in line] == []


def test_the_plan_is_right(tmp_path):
    (plan,) = [body for kind, body in BLOCK.findall(PAGE.read_text()) if kind == "json"]
    path = tmp_path / "plan.json"
    path.write_text(plan)
    assert plan_files.load(str(path))
    assert json.loads(plan)["dry_run"] is True
