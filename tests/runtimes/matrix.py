"""What ran, as the table of docs/runtimes.md and of the README.

With FAULTLAYER_MATRIX=1 a run writes it there, between the markers, if it was a run of every cell.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from runtimes import builds
from runtimes.languages import LANGUAGES, ROOT, Language
from runtimes.scenarios import SCENARIOS

PAGES = (ROOT / "docs" / "runtimes.md", ROOT / "README.md")
BEGIN, END = "<!-- runtimes:begin -->\n", "<!-- runtimes:end -->"
_SIGNS = {"passed": "✓", "failed": "✗", "skipped": "–"}


class Results:
    """The cells of one run: (language, scenario) -> passed, failed or skipped."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], str] = {}

    def add(self, item: pytest.Item, report: pytest.TestReport) -> None:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "built" not in parameters or "scenario" not in parameters:
            return
        cell = (parameters["built"].name, parameters["scenario"])
        if report.when == "call" or report.outcome != "passed":
            self.cells[cell] = report.outcome

    def complete(self) -> bool:
        return all((row.name, name) in self.cells for row in LANGUAGES for name in SCENARIOS)

    def table(self) -> str:
        """The matrix in Markdown: a row for each language, a column for each scenario."""
        heads = ["runtime", "client", "toolchain", *SCENARIOS]
        rows = [heads, ["---"] * len(heads), *map(self._row, LANGUAGES)]
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)

    def _row(self, language: Language) -> list[str]:
        try:
            version = builds.toolchain(language)
        except builds.Unavailable as reason:
            version = str(reason)
        cells = (self.cells.get((language.name, name), "") for name in SCENARIOS)
        signs = [_SIGNS.get(cell, " ") for cell in cells]
        return [language.title, f"`{language.client}` {language.client_version()}", version, *signs]

    def tell(self, terminal: Any) -> None:
        """Prints the matrix of a whole run, and writes it where that was asked for."""
        if not self.complete():
            if self.cells and wanted():
                terminal.write_line("the pages are left alone: not every cell ran")
            return
        terminal.section("runtimes")
        terminal.write_line(self.table())
        if wanted():
            for page in PAGES:
                write(page, self.table())
                terminal.write_line(f"written to {page.relative_to(ROOT)}")


def wanted() -> bool:
    return os.environ.get("FAULTLAYER_MATRIX") == "1"


def write(page: Path, table: str) -> None:
    """Puts the table between the markers of the page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{page} has lost its markers"
    page.write_text(f"{before}{BEGIN}{table}{END}{after}")
