"""The rooms of both packages, from the import contracts and the rooms' own docstrings."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator
from html import escape
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.reference.tables import table

SOURCES = {"faultlayer": "extension/faultlayer", "faultlayer_cli": "cli/faultlayer_cli"}
_TITLES = {"faultlayer": "The extension", "faultlayer_cli": "The command"}
_WIDTH, _ROW, _GAP, _TOP = 400, 34, 8, 60  # of the picture, in its own units


def layers(root: Path, package: str) -> list[list[str]]:
    """The rooms of a package, the uppermost first; rooms of one row do not import each other."""
    contracts = configparser.ConfigParser()
    contracts.read(root / ".importlinter")
    for section in contracts.values():
        if section.get("type") == "layers" and section.get("containers", "").split() == [package]:
            rows = section["layers"].split("\n")
            return [[name.strip() for name in row.split("|")] for row in rows if row.strip()]
    raise Failure(f"{root / '.importlinter'} has no contract for the layers of {package}")


def summary(root: Path, package: str, room: str) -> str:
    """The first line of the docstring of a room or module."""
    folder = root / SOURCES[package] / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def rooms(root: Path, package: str) -> list[str]:
    """One line for each room, the uppermost first."""
    rows = []
    for row in layers(root, package):
        for room in row:
            path = f"{SOURCES[package]}/{room}"
            name = f"`{room}/`" if (root / path).is_dir() else f"`{room}.py`"
            rows.append((name, summary(root, package, room)))
    return table(("room", "what it does"), rows)


def picture(root: Path) -> str:
    """Both packages as stacks of rooms: an SVG document."""
    stacks = {package: layers(root, package) for package in SOURCES}
    rows = max(map(len, stacks.values()))
    height = _TOP + rows * (_ROW + _GAP) + 12
    width = 2 * _WIDTH + 60
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="ui-sans-serif,Helvetica,Arial,sans-serif" font-size="14" role="img" '
        'aria-label="The rooms: each may import those below it">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    colours = (("#fff7ed", "#ea580c", "#9a3412"), ("#eff6ff", "#3b82f6", "#1e3a8a"))
    for i, (package, stack) in enumerate(stacks.items()):
        lines += _stack(20 + i * (_WIDTH + 20), _TITLES[package], stack, *colours[i])
    return "\n".join([*lines, "</svg>"]) + "\n"


def _stack(
    left: int, title: str, stack: list[list[str]], fill: str, stroke: str, ink: str
) -> Iterator[str]:
    yield f'<text x="{left}" y="26" font-size="16" font-weight="600" fill="{ink}">{title}</text>'
    yield (
        f'<text x="{left}" y="46" font-size="12" fill="#475569">'
        "each room imports rooms below it only</text>"
    )
    for number, row in enumerate(stack):
        top = _TOP + number * (_ROW + _GAP)
        each = (_WIDTH - _GAP * (len(row) - 1)) // len(row)
        for place, room in enumerate(row):
            x = left + place * (each + _GAP)
            yield (
                f'<rect x="{x}" y="{top}" width="{each}" height="{_ROW}" rx="6" '
                f'fill="{fill}" stroke="{stroke}"/>'
            )
            yield (
                f'<text x="{x + each // 2}" y="{top + 22}" text-anchor="middle" '
                f'fill="{ink}">{escape(room)}</text>'
            )
