"""The benchmark's tables from results.json, for rich or as Markdown.

The numbers are the same everywhere: nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.subjects import OURS
from bench.targets import TARGETS, Results, Verdict, at, judge, measured

PLACEMENTS = {"one": "all processes on one CPU", "free": "processes placed by the kernel"}
STARTS = {
    "warm": "files in the page cache",
    "cold": "page cache dropped",
    "share": "CPU held to a seventh of a core",
}
HELD = {"rest": "at rest", "one": "most, one connection", "many": "most, 64 connections"}


@dataclass(frozen=True)
class Grid:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def spread(value: Mapping[str, float] | None, digits: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value['median']:.{digits}f} ({value['low']:.{digits}f}–{value['high']:.{digits}f})"


def times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} ×"


def latency_grid(results: Results, placement: str) -> Grid:
    found = at(results, "paths", placement, "latency") or {}
    rows = [
        [
            name,
            spread(one["p50"]),
            spread(one["added"]),
            spread(one["added_p99"], 0),
            number(one["added_p999"], 0),
            times(one["to_forwarder"]),
            times(one["to_socat"]),
            times(one["p99_to_socat"]),
            number(one["own_cpu"]),
        ]
        for name, one in found.items()
    ]
    columns = ["subject", "p50 µs", "added p50", "added p99", "added p99.9"]
    columns += ["added ÷ C's", "added ÷ socat's", "p99 ÷ socat's", "own CPU µs"]
    return Grid(f"Warm invocation, 1 KB event and answer, {PLACEMENTS[placement]}", columns, rows)


def _table(
    results: Results, placement: str, measure: str, title: str, field: str, digits: int
) -> Grid:
    """A field of a measure: subjects in rows, loads in columns."""
    found = at(results, "paths", placement, measure) or {}
    names = at(results, "paths", placement, "latency") or {}
    rows = [
        [name, *[spread(at(one, name, field), digits) for one in found.values()]] for name in names
    ]
    return Grid(f"{title}, {PLACEMENTS[placement]}", ["subject", *found], rows)


def parallel_grid(results: Results, placement: str) -> Grid:
    title = "Invocations per second by parallel connections, 1 KB"
    return _table(results, placement, "parallel", title, "per_s", 0)


def payload_grid(results: Results, placement: str) -> Grid:
    title = "Throughput by payload, the same event and answer, MB/s"
    return _table(results, placement, "payloads", title, "mb_per_s", 0)


def payload_added_grid(results: Results, placement: str) -> Grid:
    title = "Time added by payload, µs"
    return _table(results, placement, "payloads", title, "added_us", 0)


def stream_grid(results: Results, placement: str) -> Grid:
    found = at(results, "paths", placement, "stream") or {}
    rows = [
        [name, spread(one["mb_per_s"], 0), times(one["to_socat"]), spread(one["first_us"], 0)]
        for name, one in found.items()
    ]
    columns = ["subject", "MB/s", "÷ socat", "first byte µs"]
    return Grid(f"A streamed response of 200 MB, {PLACEMENTS[placement]}", columns, rows)


def starts_grid(results: Results) -> Grid:
    found: Mapping[str, Any] = at(results, "starts") or {}
    names = dict.fromkeys(name for one in found.values() for name in one["ms"])
    columns = ["subject"]
    for condition in found:
        columns += [f"{STARTS[condition]}, ms", "÷ bare"]
    rows = []
    for name in names:
        row = [name]
        for one in found.values():
            row += [spread(one["ms"].get(name), 1), times(one["to_bare"].get(name))]
        rows.append(row)
    return Grid("From exec to registered", columns, rows)


def memory_grid(results: Results) -> Grid:
    def mib(kb: float) -> str:
        return f"{kb / 1024:.1f}"

    rows = [
        [
            name,
            *[mib(one[when][what]) for when in HELD for what in ("rss_kb", "pss_kb")],
        ]
        for name, one in (at(results, "held") or {}).items()
    ]
    columns = ["subject", *[f"{what} {when}" for when in HELD.values() for what in ("RSS", "PSS")]]
    return Grid("Memory, MiB", columns, rows)


def relay_grid(results: Results, placement: str) -> Grid:
    """The relay beside other forwarders."""
    found = at(results, "connections", "placements", placement) or {}
    rows = []
    for name, one in (found.get("latency") or {}).items():
        rss = at(found, "rss_kb", name)
        rows.append(
            [
                name,
                spread(one["p50"]),
                spread(one["added"]),
                spread(one["added_p99"], 0),
                times(one["to_forwarder"]),
                spread(at(found, "parallel", name, "per_s"), 0),
                spread(at(found, "payloads", name, "mb_per_s"), 0),
                times(at(found, "payloads", name, "to_socat")),
                spread(at(found, "stream", name, "mb_per_s"), 0),
                times(at(found, "stream", name, "to_socat")),
                number(None if rss is None else rss / 1024),
            ]
        )
    columns = ["subject", "p50 µs", "added p50", "added p99", "added ÷ C's"]
    columns += ["200 connections, per s", "6 MB, MB/s", "÷ socat", "200 MB stream, MB/s", "÷ socat"]
    columns += ["RSS, 200 connections, MiB"]
    return Grid(f"The relay of connections, {PLACEMENTS[placement]}", columns, rows)


def question_grid(results: Results) -> Grid:
    """The cost of a connection for the function that makes it."""
    rows = []
    for placement, found in (at(results, "connections", "placements") or {}).items():
        asked = found["questions"] or {}
        kinds = ("direct", "unnamed", "named", "added")
        rows.append([PLACEMENTS[placement], *[spread(asked.get(kind)) for kind in kinds]])
    columns = ["placement", "without the library", "a host that no rule names", "a named host"]
    columns += ["added by the question"]
    return Grid("Time of a connection to a host on the same machine, µs", columns, rows)


def harness_grid(results: Results) -> Grid:
    rows = []
    for placement, paths in (at(results, "paths") or {}).items():
        one = paths["harness"]
        values = [one["client_user_us"], one["client_system_us"], one["server_us"]]
        whole = at(paths, "latency", "direct", "p50", "median")
        rows.append([PLACEMENTS[placement], *[number(v) for v in values], number(whole)])
    columns = ["placement", "client's own code µs", "client in the kernel µs", "server µs"]
    columns += ["direct invocation, p50 µs"]
    return Grid("The harness itself: CPU per 1 KB invocation", columns, rows)


def _shown(verdict: Verdict) -> str:
    value, target = verdict.value, verdict.target
    return "–" if value is None else f"{value:.{2 if target.unit else 0}f}{target.unit}"


def target_grid(results: Results, name: str = OURS) -> Grid:
    """Each target with its measured value, by placement if that matters."""
    placements = list(at(results, "paths") or {})
    judged = [judge(measured(results, placement, name), placement) for placement in placements]
    rows = []
    for i, target in enumerate(TARGETS):
        found = [verdicts[i] for verdicts in judged]
        cells = [_shown(v) for v in found]
        words = [v.word for v in found]
        if not target.placed:
            cells, words = [cells[0], *[""] * (len(cells) - 1)], words[:1]
        word = words[0] if len(set(words)) == 1 else ", ".join(words)
        limits = dict.fromkeys(f"{target.limit_for(p):g}" for p in placements or ["one"])
        limit = f"{target.relation} {', '.join(limits)}{target.unit}"
        rows.append([target.text, limit, *cells, word])
    columns = ["target", "limit", *[PLACEMENTS[p] for p in placements], "verdict"]
    return Grid(f"{name}: targets", columns, rows)


def relayed_grids(results: Results) -> Iterator[Grid]:
    """The tables of connections."""
    relayed = at(results, "connections", "placements") or {}
    for placement in relayed:
        yield relay_grid(results, placement)
    if relayed:
        yield question_grid(results)


def grids(results: Results) -> Iterator[Grid]:
    """All tables, in the order of reading."""
    for placement in at(results, "paths") or {}:
        yield latency_grid(results, placement)
        yield parallel_grid(results, placement)
        yield payload_grid(results, placement)
        yield payload_added_grid(results, placement)
        yield stream_grid(results, placement)
    if at(results, "starts"):
        yield starts_grid(results)
    if at(results, "held"):
        yield memory_grid(results)
    yield harness_grid(results)
    yield from relayed_grids(results)
    yield target_grid(results)


def markdown(grid: Grid) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rule = ["---", *["--:"] * (len(grid.columns) - 1)]
    return "\n".join([line(grid.columns), line(rule), *[line(row) for row in grid.rows]])


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
