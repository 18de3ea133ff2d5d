"""The pages for contributors name files, rooms and steps that exist."""

from __future__ import annotations

import ast
import re

import pages
import pytest

FOLDER = pages.ROOT / "docs" / "contributing"
EXTENSION = pages.ROOT / "extension" / "faultlayer"
COMMAND = pages.ROOT / "cli" / "faultlayer_cli"
ROOTS = (pages.ROOT, EXTENSION, COMMAND, pages.ROOT / "docs")
PATH = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|yaml)|(?:[\w.-]+/)+)`")
PLACEHOLDER = re.compile("ROOM|MORE|test_name")
STEP = re.compile(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", re.MULTILINE)
STEPS = STEP.findall((FOLDER / "walk.md").read_text())
OF_A_CONNECTION = STEP.findall((FOLDER / "walk-connection.md").read_text())
WORDS = STEP.findall((FOLDER / "glossary.md").read_text())


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_a_file_that_a_page_names_exists(page):
    for name in PATH.findall(page.read_text()):
        if not PLACEHOLDER.search(name):
            assert any((root / name).exists() for root in ROOTS), name


def names(tree: ast.AST, above: str = "") -> set[str]:
    """The functions and classes of a module, methods as Class.method."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found |= {above + node.name} | names(node, f"{above}{node.name}.")
    return found


@pytest.mark.parametrize(("file", "name"), STEPS + OF_A_CONNECTION + WORDS, ids=str)
def test_a_step_of_the_walk_and_a_word_of_the_glossary_are_in_the_code(file, name):
    path = next(root / file for root in (EXTENSION, COMMAND) if (root / file).is_file())
    assert name in names(ast.parse(path.read_text()))


def test_the_walk_goes_through_the_rooms_of_the_data_path():
    assert len(STEPS) > 20 and len(WORDS) > 10
    rooms = {file.partition("/")[0] for file, _ in STEPS}
    assert rooms >= {"proxy.py", "settings", "acting", "targeting", "faults", "wire", "vocabulary"}


def test_the_walk_of_a_connection_goes_through_the_modules_of_dependencies():
    named = {file.rpartition("/")[2] for file, _ in OF_A_CONNECTION}
    # A loop, addresses that answer nothing and a reader of resolv.conf are tools of the others.
    tools = {"__init__.py", "loop.py", "dead_ports.py", "resolver.py"}
    assert named >= {path.name for path in (EXTENSION / "dependencies").glob("*.py")} - tools
