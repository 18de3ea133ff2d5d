"""What ran, as the table of docs/runtimes.md.

With FAULTLAYER_MATRIX=1 a run writes it there, between the markers, if it was a run of every cell.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from runtimes import builds
from runtimes.languages import LANGUAGES, ROOT, Language
from runtimes.scenarios import SCENARIOS

PAGES = (ROOT / "docs" / "runtimes.md",)
BEGIN, END = "<!-- runtimes:begin -->\n", "<!-- runtimes:end -->"
_SIGNS = {"passed": "✓", "failed": "✗", "skipped": "–"}
_CELL = "runtimes"  # the property of a report that says which cell of the matrix it fills


def parameters(item: Any) -> dict[str, Any]:
    """The parameters of a test of an example: `built`, its language, and maybe `scenario`."""
    found = item.callspec.params if hasattr(item, "callspec") else {}
    return found if isinstance(found.get("built"), Language) else {}


class Results:
    """The cells of one run, as a plugin of pytest: (language, scenario) -> how it ended.

    Workers name the cell in their reports; the process that prints the table collects them.
    """

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any) -> Generator[None, Any, Any]:
        report = yield
        found = parameters(item)
        if "scenario" in found:
            report.user_properties.append((_CELL, [found["built"].name, found["scenario"]]))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cell = dict(report.user_properties).get(_CELL)
        if isinstance(cell, list) and (report.when == "call" or report.outcome != "passed"):
            self.cells[cell[0], cell[1]] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        self.tell(terminalreporter)

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
