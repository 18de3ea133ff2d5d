"""The tables of docs/faults: each client's error."""

from __future__ import annotations

import re
from pathlib import Path

from clients.cases import Case

_PAGES = Path(__file__).resolve().parents[2] / "docs" / "faults"


def documented(language: str, client: str, case: Case) -> list[str]:
    """This client's error in the words of the fault's page."""
    head: list[str] = []
    for line in (_PAGES / f"{case.fault}.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| client"):
            head = cells
        elif line.startswith(f"| {language} `{client}`") and f"`{case.title}`" in " ".join(head):
            (place,) = (n for n, cell in enumerate(head) if f"`{case.title}`" in cell)
            return re.findall("`([^`]+)`", cells[place])
    return []
