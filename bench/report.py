"""The tables of the benchmark: built as data here, printed with rich where it is installed.

It promises the same numbers on either path; it must not compute any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.invocations import Paths
from bench.sandbox import Held, Starts
from bench.stats import Spread
from bench.targets import Verdict


@dataclass(frozen=True)
class Grid:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def spread(value: Spread | None, digits: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value.median:.{digits}f} ({value.low:.{digits}f}–{value.high:.{digits}f})"


def times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} ×"


def latency_grid(paths: Paths, where: str) -> Grid:
    rows = [
        [
            name,
            spread(one.p50),
            number(one.p99),
            number(one.p999),
            spread(one.added),
            number(one.added_p99),
            number(one.added_p999),
            times(one.to_forwarder),
            times(one.to_socat),
            number(one.own_cpu),
        ]
        for name, one in paths.latency.items()
    ]
    columns = ["subject", "p50 µs (min–max)", "p99", "p99.9", "added p50 (min–max)", "added p99"]
    columns += ["added p99.9", "÷ C forwarder", "÷ socat", "own CPU µs"]
    return Grid(f"Warm invocation, 1 KB event and answer, {where}", columns, rows)


def throughput_grid(paths: Paths, where: str) -> Grid:
    rows = [
        [name, spread(one.mb_per_s, 0), times(one.to_socat)]
        for name, one in paths.throughput.items()
    ]
    return Grid(f"6 MB events and answers, {where}", ["subject", "MB/s (min–max)", "÷ socat"], rows)


def starts_grid(starts: Starts) -> Grid:
    rows = [
        [
            name,
            spread(one, 2),
            times(starts.to_bare.get(name)),
            spread(starts.pair_ratio.get(name), 2),
        ]
        for name, one in starts.ms.items()
    ]
    columns = ["subject", "ms (min–max)", "÷ bare start", "pair by pair (min–max)"]
    return Grid("exec to registered", columns, rows)


def memory_grid(held: Mapping[str, Held]) -> Grid:
    def mib(kb: int) -> str:
        return f"{kb / 1024:.1f}"

    rows = [
        [name, when, mib(memory.rss_kb), mib(memory.pss_kb)]
        for name, one in held.items()
        for when, memory in (
            ("after the 1 KB invocations", one.after_small),
            ("after the 6 MB ones", one.after_large),
        )
    ]
    return Grid("Resident memory", ["subject", "when", "VmRSS MiB", "Pss MiB"], rows)


def target_grid(name: str, verdicts: Sequence[Verdict], where: str) -> Grid:
    rows = [
        [v.target.text, f"{v.target.relation} {v.target.limit:g}", number(v.value, 2), v.word]
        for v in verdicts
    ]
    columns = ["target (DESIGN §7)", "limit", "measured", "verdict"]
    return Grid(f"{name}: targets, {where}", columns, rows)


def plain(grid: Grid) -> str:
    table = [list(grid.columns), *[list(row) for row in grid.rows]]
    widths = [max(len(row[i]) for row in table) for i in range(len(grid.columns))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(["", grid.title, *lines])


def show(grids: Sequence[Grid]) -> None:
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for grid in grids:
            print(plain(grid))
        return
    console = Console()
    if not console.is_terminal or console.width < 120:
        for grid in grids:  # a wide table folded into narrow columns is no table
            print(plain(grid))
        return
    for grid in grids:
        console.print(f"\n{grid.title}", style="bold", highlight=False)
        table = Table()
        for i, column in enumerate(grid.columns):
            table.add_column(column, justify="left" if i == 0 else "right")
        for row in grid.rows:
            table.add_row(*row)
        console.print(table)
