"""The README's terminal session: its script runs, and its picture shows what the script types."""

from __future__ import annotations

import html
import importlib.util
import re
import xml.etree.ElementTree as ElementTree

import pages

SCRIPT = pages.ROOT / "docs" / "record.py"
PICTURE = pages.ROOT / "docs" / "session.svg"


def words(svg: str) -> str:
    """All text of a picture, without blanks: lines are broken where they are full."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return re.sub(r"[\s\\]", "", html.unescape("".join(text.text or "" for text in texts)))


def script():
    spec = importlib.util.spec_from_file_location("record", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_shows_the_commands_of_the_script():
    shown = words(PICTURE.read_text())
    for question, command in script().SESSION:
        assert re.sub(r"[\s\\]", "", question) in shown
        assert re.sub(r"[\s\\]", "", command) in shown


def test_the_script_runs_and_the_function_answers_as_the_picture_says():
    drawn = words(script().record())
    for text in ('"statusCode":200', '"delay_ms":300', '"statusCode":503', "ValueError", "misses"):
        assert text in drawn
        assert text in words(PICTURE.read_text())


def test_the_picture_needs_nothing_from_the_network():
    assert "url(" not in re.sub(r"url\(#", "", PICTURE.read_text())
