"""The rooms on the page and in the picture are those of the import contracts."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from cli_support import ROOT

from faultlayer_cli.errors import Failure
from faultlayer_cli.reference import room_pages

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("package", room_pages.SOURCES)
def test_every_room_is_on_the_page_with_what_it_does(package):
    lines = room_pages.rooms(ROOT, package)[2:]
    rooms = [room for row in room_pages.layers(ROOT, package) for room in row]
    assert len(lines) == len(rooms)
    for line, room in zip(lines, rooms):
        name, does = line.strip("| ").split(" | ", 1)
        assert name in (f"`{room}/`", f"`{room}.py`")
        assert len(does) > 5


def test_the_picture_has_every_room_once_and_within_itself():
    root = ElementTree.fromstring(room_pages.picture(ROOT))
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for package in room_pages.SOURCES:
        for row in room_pages.layers(ROOT, package):
            assert set(row) <= set(texts)
    for box in root.iter(f"{SVG}rect"):
        assert float(box.get("x", 0)) + float(box.get("width")) <= width
        assert float(box.get("y", 0)) + float(box.get("height")) <= height


def test_a_checkout_without_contracts(tmp_path):
    with pytest.raises(Failure, match="has no contract"):
        room_pages.layers(tmp_path, "faultlayer")
