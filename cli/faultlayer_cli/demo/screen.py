"""The demo's screen: scenes, one table, one chart; readable on 80 columns and without colour.

It measures nothing and starts nothing.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from faultlayer_cli import terminal
from faultlayer_cli.terminal import styled

_WIDTH = 80
_LABEL = 27  # width of the table's first column
_BINS = 51  # of the chart's axis
_DECADES = 3  # it runs from 1 ms to 1 s, logarithmic
_LEVELS = " ▁▂▃▄▅▆▇█"
_PLAIN_LEVELS = " .:-=+*#@"


@dataclass(frozen=True)
class Scene:
    """One question, and the variables that ask it."""

    name: str
    question: str
    variables: Mapping[str, str]


@dataclass
class Measurements:
    """The answers that one scene's callers got; times in milliseconds."""

    scene: Scene
    answers: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    cold: float = 0.0
    times: list[float] = field(default_factory=list)
    ran: int = 0

    def percentile(self, share: float) -> float:
        """The nearest rank: a time that was measured, not one between two."""
        ordered = sorted(self.times)
        return ordered[max(math.ceil(len(ordered) * share), 1) - 1]

    def said(self) -> list[str]:
        """Its answers, the most frequent kind first."""
        return [f"{count} x {name}" for name, count in self.answers.most_common()]


def column(milliseconds: float) -> int:
    """The column of the chart's axis for a time; a time off the axis goes to its end."""
    share = math.log10(max(milliseconds, 1e-9)) / _DECADES
    return min(max(round(share * (_BINS - 1)), 0), _BINS - 1)


def bars(times: Sequence[float], levels: str = _LEVELS) -> str:
    """A row of the chart: the more times fall into a column, the higher its bar."""
    counts = Counter(map(column, times))
    highest = max(counts.values(), default=1)
    top = len(levels) - 1
    return "".join(levels[math.ceil(counts[place] / highest * top)] for place in range(_BINS))


def axis() -> tuple[str, str]:
    """The line under the chart, and the times that its ticks stand for."""
    line, labels = ["-"] * _BINS, [" "] * (_BINS + 6)
    for power in range(_DECADES + 1):
        place = column(10**power)
        line[place] = "|"
        text = f"{10**power} ms" if power < 3 else "1 s"
        labels[place : place + len(text)] = text
    return "".join(line), "".join(labels).rstrip()


class Screen:
    """The terminal."""

    def __init__(self, console: Console | None = None) -> None:
        found = console or terminal.console()
        self._console = found
        found.width = _WIDTH  # a pipe has none, and a narrower terminal folds better than a table
        unicode = found.encoding.lower().startswith("utf")
        self._levels = _LEVELS if unicode else _PLAIN_LEVELS
        self._box = box.SIMPLE_HEAD if unicode else None

    def _print(self, text: str = "", style: str = "") -> None:
        self._console.print(styled(text, style))

    def title(self, folder: Path, invocations: int) -> None:
        self._print()
        self._print(f"{folder}/app.py under AWS's Lambda Runtime Interface Emulator", "bold")
        self._print(
            "Its code stays as it is; environment variables do everything. Each scene: one cold "
            f"start, then {invocations} warm invocations."
        )

    def scene(self, scene: Scene) -> None:
        self._print()
        self._print(scene.question, "bold")
        if not scene.variables:
            self._print("  no variables set", "dim")
        for name, value in scene.variables.items():
            self._print("  " + _assignment(name, value), "cyan")

    def outcome(self, outcome: Measurements) -> None:
        said = ", ".join(outcome.said())
        middle = _milliseconds(outcome.percentile(0.5))
        self._print(f"  -> {said}; half of them within {middle} ms", _style(outcome))

    def table(self, outcomes: Sequence[Measurements]) -> None:
        table = Table(box=self._box, pad_edge=False)
        table.add_column("scene and variables", overflow="fold", width=_LABEL)
        table.add_column("answers", overflow="fold", width=15)
        for name in ("errors", "p50 ms", "p99 ms", "code ran"):
            table.add_column(name, justify="right", width=max(5, *map(len, name.split())))
        for outcome in outcomes:
            label = [styled(outcome.scene.name, "bold")]
            for name, value in outcome.scene.variables.items():
                assignment = _assignment(name, value)
                parts = [assignment]
                if len(assignment) > _LABEL:
                    start = assignment.index("=") + 1
                    parts = [assignment[:start], assignment[start:]]
                label += [styled(part, "cyan") for part in parts]
            table.add_row(
                _lines(label),
                _lines([styled(text, _style(outcome)) for text in outcome.said()]),
                str(outcome.errors),
                _milliseconds(outcome.percentile(0.5)),
                _milliseconds(outcome.percentile(0.99)),
                f"{outcome.ran} x",
            )
        self._print()
        self._console.print(table)

    def chart(self, outcomes: Sequence[Measurements]) -> None:
        self._print("How long the callers waited (the higher, the more of them)", "bold")
        self._print()
        for outcome in outcomes:
            row = styled(f"  {outcome.scene.name:<10} ")
            row.append(bars(outcome.times, self._levels), _style(outcome))
            self._console.print(row)
        for line in axis():
            self._print(" " * 13 + line)

    def next_step(self) -> None:
        self._print()
        self._print("Next, your own function, one invocation in five up to 400 ms late:")
        self._print(f"  {program()} local DIR --latency 100ms..400ms --rate 20%", "cyan")


def program() -> str:
    """How this installation's command is typed here: by its name, if that finds it on PATH."""
    script = Path(sys.prefix) / "bin" / "faultlayer"
    found = shutil.which("faultlayer")
    if not script.is_file() or (found and script.samefile(found)):
        return "faultlayer"
    return min(str(script), os.path.relpath(script), key=len)


def _lines(parts: Sequence[Text]) -> Text:
    return Text("\n").join(parts)


def _assignment(name: str, value: str) -> str:
    return f'{name}="{value}"' if " " in value else f"{name}={value}"


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _style(outcome: Measurements) -> str:
    return "red" if outcome.errors else "green"
