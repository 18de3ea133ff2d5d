"""Print tables for people, and JSON for scripts."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from faultlayer_cli.terminal import console, put, styled

_WIDE = 1000  # columns without a terminal: lines of a pipe are not broken


class Cell(NamedTuple):
    """A cell of a table that is not plain text at the left."""

    text: str
    style: str = ""
    right: bool = False


def table(head: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> None:
    """Print rows under their headings; without a terminal no line is broken."""
    drawn = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        cells = (Cell(cell) if isinstance(cell, str) else cell for cell in row)
        drawn.add_row(
            *(styled(c.text, c.style, justify="right" if c.right else None) for c in cells)
        )
    terminal = console()
    if terminal.is_terminal:
        terminal.print(drawn)
        return
    plain = Console(width=_WIDE, file=io.StringIO())
    with plain.capture() as captured:
        plain.print(drawn)
    put(*(line.rstrip() for line in captured.get().splitlines()))


def print_json(value: Any) -> None:
    put(*json.dumps(value, indent=2).split("\n"))
