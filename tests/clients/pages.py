"""Write each client's errors to the page docs/dependencies-clients.md.

With FAULTLAYER_MATRIX=1 a run writes it between the page's markers, if each client met each fault.
"""

from __future__ import annotations

from typing import Any

import pytest

from clients.programs import PROGRAMS
from runtimes.languages import ROOT
from runtimes.matrix import wanted

PAGE = ROOT / "docs" / "dependencies-clients.md"
BEGIN, END = "<!-- clients:begin -->\n", "<!-- clients:end -->"
CELL = "clients"  # the property of a report: (client, fault, what it said)
_LONGEST = 300  # characters of an error


class Said:
    """A plugin of pytest that collects errors from all workers' reports."""

    def __init__(self) -> None:
        self.errors: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.outcome == "passed":
            for name, value in report.user_properties:
                if name == CELL and isinstance(value, (list, tuple)):
                    self.errors[value[0], value[1]] = value[2]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.errors or not wanted():
            return
        from clients.cases import CASES  # here: every run of tests loads this module

        titles = [case.title for case in CASES]
        cells = {(name, title) for each in PROGRAMS for name in each.clients for title in titles}
        if missing := sorted(cells - set(self.errors)):
            terminalreporter.write_line(f"{PAGE.name} is left alone: without {missing[:3]}")
            return
        before, begin, rest = PAGE.read_text().partition(BEGIN)
        _, end, after = rest.partition(END)
        assert begin and end, f"{PAGE} has lost its markers"
        PAGE.write_text(f"{before}{BEGIN}{self.tables(titles)}{END}{after}")
        terminalreporter.write_line(f"written to {PAGE.relative_to(ROOT)}")

    def tables(self, titles: list[str]) -> str:
        """A table for each client: a row for each fault."""
        text = ""
        for program in PROGRAMS:
            for client in program.clients:
                text += f"\n## {program.title}: {client}\n\n| fault | the client |\n| --- | --- |\n"
                for title in titles:
                    text += f"| `{title}` | {shown(self.errors[client, title])} |\n"
        return text + "\n"


def shown(error: str) -> str:
    """An error as a cell of a table."""
    if not error:
        return "has no error, and waits"
    line = " ".join(error.split())
    line = line if len(line) <= _LONGEST else line[:_LONGEST] + " …"
    return "`" + line.replace("`", "'").replace("|", "\\|") + "`"
