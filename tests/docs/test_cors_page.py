"""docs/cors.md: its variables are right, its commands are understood, and its template has them."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ElementTree

import pages
import pytest
import yaml

from faultlayer.settings.variables import read_environment
from faultlayer_cli.main import Commands, commands

PAGE = pages.ROOT / "docs" / "cors.md"
TEXT = PAGE.read_text()
ROWS = [
    [cell.strip() for cell in row.strip("|").split(" | ")]
    for row in TEXT.splitlines()
    if row.startswith("| ") and "`FAULTLAYER_" in row
]


def assigned(cell: str) -> dict[str, str]:
    """The one variable that a cell sets."""
    (text,) = re.findall(r"`(FAULTLAYER_[^`]+)`", cell)
    name, _, value = shlex.split(text)[0].partition("=")
    return {name: value}


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_row_is_right_with_what_it_adds_to(number):
    given = assigned(ROWS[number][1])
    if ROWS[number][1].startswith("and "):
        base = max(i for i in range(number) if not ROWS[i][1].startswith("and "))
        given = assigned(ROWS[base][1]) | given
    read = read_environment(given)
    assert [f"{problem.variable} {problem.message}" for problem in read.problems] == []
    assert read.chooser is not None


def test_there_are_rows():
    assert len(ROWS) == 7


@pytest.mark.parametrize("line", pages.commands(PAGE, "faultlayer"))
def test_the_command_is_understood(line):
    _, name, *arguments = shlex.split(line)
    assert isinstance(commands, Commands)
    command = commands.get_command(None, name)
    assert command is not None
    given = command.make_context(name, arguments).params
    assert given["faultlayer_headers"] == '{"access-control-allow-origin":null}'


def test_the_template_has_the_parameters_that_the_page_names():
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, tag: str(tag.value))
    template = pages.ROOT / "examples" / "cors" / "template.yaml"
    parameters = yaml.load(template.read_text(), Loader)["Parameters"]
    assert set(re.findall(r"Fault[A-Z]\w+", TEXT)) <= set(parameters)


def test_the_picture_is_there_and_an_xml_document():
    (file,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert ElementTree.parse(PAGE.parent / file).getroot().tag.endswith("svg")
