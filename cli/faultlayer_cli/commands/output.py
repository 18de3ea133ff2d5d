"""Print tables for people, and JSON for scripts."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 1000  # columns without a terminal: lines of a pipe are not broken


def table(head: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print rows under their headings; without a terminal no line is broken."""
    drawn = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    console = Console()
    if console.is_terminal:
        console.print(drawn)
        return
    plain = Console(width=_WIDE, file=io.StringIO())
    with plain.capture() as captured:
        plain.print(drawn)
    print(*(line.rstrip() for line in captured.get().splitlines()), sep="\n")


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
