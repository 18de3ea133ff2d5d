"""Write numbers and charts from bench/results.json to the pages.

`python -m bench.pages` writes them; with --check it only compares, and ends with code 1 and the
differences. Only the text between a page's markers changes, and every number is from the results.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import report
from bench.charts import Point, bars, dots, lines
from bench.invocations import DIRECT, SOCAT, YARDSTICK
from bench.machine import ROOT
from bench.report import PLACEMENTS, STARTS, Grid, markdown, number, times
from bench.subjects import OURS
from bench.targets import Results, at, measured

RESULTS = ROOT / "bench" / "results.json"
PEERS = ROOT / "bench" / "peers.json"
_SIZES = {
    "full": "",
    "quick": "This was a short run (`--quick`): the spread is wide.",
    "smoke": "This run was too short to mean anything (`--smoke`).",
}


def rounded(value: Any) -> Any:
    """Numbers as short as their meaning: differences between runs stay readable."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, (list, tuple)) else value


def text_of(results: Results) -> str:
    return "".join(_written(rounded(results), "")) + "\n"


def _written(value: Any, indent: str) -> Iterator[str]:
    """JSON with lists and objects of plain values on one line."""
    inner = value.values() if isinstance(value, dict) else ()
    if not any(isinstance(one, (dict, list)) for one in inner):
        yield json.dumps(value, ensure_ascii=False)
        return
    for i, (key, one) in enumerate(value.items()):
        yield f"{',' if i else '{'}\n{indent} {json.dumps(key, ensure_ascii=False)}: "
        yield from _written(one, indent + " ")
    yield f"\n{indent}}}"


def megabytes(count: int) -> str:
    return f"{count / (1 << 20):.2f} MB"


def layer_line(results: Results) -> str:
    layer = results["layer"]
    zipped, unpacked = megabytes(layer["zip"]), megabytes(layer["unpacked"])
    return f"The layer: {zipped} zipped, {unpacked} unpacked, {layer['files']} files."


def _placed(results: Results) -> str:
    """The measured placement that repeats best."""
    return "one" if at(results, "paths", "one") else "free"


def _medians(results: Results, left_out: Sequence[str] = ()) -> Grid:
    """A table of subjects and their medians, without ranges."""
    placement = _placed(results)
    paths = at(results, "paths", placement) or {}
    rows = []
    for name, one in (paths.get("latency") or {}).items():
        if name in left_out:
            continue
        rows.append(
            [
                name,
                number(at(one, "added", "median")),
                number(at(one, "added_p99", "median"), 0),
                number(one["added_p999"], 0),
                number(one["own_cpu"]),
                number(at(paths, "parallel", "64", name, "per_s", "median"), 0),
                number(at(paths, "payloads", "6 MB", name, "mb_per_s", "median"), 0),
                number(at(paths, "stream", name, "mb_per_s", "median"), 0),
                number(at(paths, "stream", name, "first_us", "median"), 0),
                *_peak(results, name),
            ]
        )
    columns = ["medians", "added p50, µs", "p99", "p99.9", "own CPU, µs", "64 connections, per s"]
    columns += ["6 MB, MB/s", "200 MB stream, MB/s", "its first byte, µs", "RSS, the most, MiB"]
    return Grid("", columns, rows)


def _peak(results: Results, name: str) -> list[str]:
    kb = at(results, "held", name, "one", "rss_kb")
    return [number(None if kb is None else kb / 1024)]


def made_on(results: Results) -> str:
    machine, versions = results["machine"], results["versions"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    kind = "a virtual machine" if machine["hypervisor"] else "a machine"
    load = machine["load_average_before"][0]
    return (
        f"Taken {results['taken'][:10]} in {results['seconds']} s on {kind} with {machine['cpus']} "
        f"CPUs ({machine['processor']}), {machine['memory_gib']} GiB of memory, Linux "
        f"{machine['kernel']}, {machine['arch']}, load average before it {load}: {said}."
    )


def readme(results: Results) -> str:
    """Four numbers for a reader who decides about a trial."""
    values = measured(results, _placed(results))
    added = at(results, "paths", _placed(results), "latency", OURS, "added", "median")
    starts = at(results, "starts", "warm", "ms") or {}
    bare = at(starts, "bare start", "median")
    start = at(starts, OURS, "median")
    rows = [
        [
            "a warm invocation, with a fault armed that does not hit",
            f"{number(added, 0)} µs more, {times(values['added_to_forwarder'])} what a plain C "
            "forwarder adds",
        ],
        ["the same with nothing to inject", f"{number(values['idle_hops'], 0)} extra hops"],
        [
            "a cold start, until the extension has registered",
            f"{number(start, 0)} ms; the bare interpreter takes {number(bare, 0)} ms",
        ],
        [
            "size",
            f"{number(values['rss_mib'])} MiB resident, {number(values['zip_mb'], 2)} MB zipped",
        ],
    ]
    return markdown(Grid("", ["what", "cost"], rows))


def speed(results: Results, others: Results | None) -> str:
    parts = [
        markdown(report.target_grid(results)),
        f"The same with its neighbours, {PLACEMENTS[_placed(results)]}:",
        markdown(_medians(results)),
        " ".join(filter(None, [made_on(results), _SIZES[results["size"]]])),
        *_relay_line(results),
    ]
    if others is not None:
        where = PLACEMENTS[_placed(others)]
        parts.append(f"Other proxies, built from source, in a run of their own, {where}:")
        parts.append(markdown(_medians(others, [DIRECT, YARDSTICK, SOCAT])))
    return "\n\n".join(parts)


def _sections(results: Results, grids: Sequence[Grid]) -> str:
    parts = [f"**{grid.title}**\n\n{markdown(grid)}" for grid in grids]
    parts += [layer_line(results)] if results["layer"] else []
    parts += [f"Not measured here: {k} ({v})." for k, v in results["skipped"].items()]
    parts += [
        f"Wrong, so without a number: {k}: `{v[:160]}`." for k, v in results["failed"].items()
    ]
    parts.append(" ".join(filter(None, [made_on(results), _SIZES[results["size"]]])))
    parts += _relay_line(results)
    return "\n\n".join(parts)


def _relay_line(results: Results) -> list[str]:
    """Name the machine of a separate run for connections."""
    relayed = results.get("connections")
    if not relayed or relayed["taken"] == results["taken"]:
        return []
    size = _SIZES[relayed["size"]]
    return [" ".join(filter(None, ["Connections:", made_on(relayed), size]))]


def numbers(results: Results) -> str:
    return _sections(results, list(report.grids(results)))


def peers(results: Results) -> str:
    """Compare with other proxies: tables by placement, starts and memory."""
    kept = [g for g in report.grids(results) if not g.title.startswith(f"{OURS}: targets")]
    beside = _medians(results)
    title = f"In short, {PLACEMENTS[_placed(results)]}"
    return _sections(results, [Grid(title, beside.columns, beside.rows), *kept])


def fill(page: str, name: str, content: str) -> str:
    """Put the text between the page's markers.

    Raises ValueError if the page has no markers.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = page.partition(begin)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise ValueError(f"no {begin} … {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def _points(found: Mapping[str, Any], name: str, pick: str) -> list[Point | None]:
    return [Point.of(at(one, name, pick)) for one in found.values()]


def _single(value: float | None) -> Point | None:
    return None if value is None else Point(value, value, value)


def warm_chart(results: Results, placement: str) -> str:
    found = at(results, "paths", placement, "latency") or {}
    series = {
        name: [_single(one["p50"]["median"]), _single(one["all_p99"]), _single(one["all_p999"])]
        for name, one in found.items()
    }
    about = f"µs for next and response with 1 KB each, {PLACEMENTS[placement]}"
    return dots("A warm invocation", about, ["p50", "p99", "p99.9"], series)


def parallel_chart(results: Results, placement: str) -> str:
    found = at(results, "paths", placement, "parallel") or {}
    names = at(results, "paths", placement, "latency") or {}
    series = {name: _points(found, name, "per_s") for name in names}
    about = f"invocations per second, 1 KB, {PLACEMENTS[placement]}"
    return lines("By parallel connections", about, list(found), series)


def payload_chart(results: Results, placement: str) -> str:
    found = at(results, "paths", placement, "payloads") or {}
    names = at(results, "paths", placement, "latency") or {}
    series = {name: _points(found, name, "mb_per_s") for name in names}
    about = f"MB/s, event and answer of this size each, {PLACEMENTS[placement]}"
    return lines("By payload", about, list(found), series)


def starts_chart(results: Results) -> str:
    groups = {}
    for name, one in (at(results, "starts") or {}).items():
        points = {subject: Point.of(ms) for subject, ms in one["ms"].items()}
        groups[STARTS[name]] = {k: p for k, p in points.items() if p is not None}
    about = "ms; of the bare interpreter, to its exit"
    return bars("From exec to registered", about, groups, _subjects(results))


def memory_chart(results: Results) -> str:
    groups: dict[str, dict[str, Point]] = {}
    for when, heading in report.HELD.items():
        for name, one in (at(results, "held") or {}).items():
            mib = one[when]["pss_kb"] / 1024
            groups.setdefault(heading, {})[name] = Point(mib, mib, mib)
    about = "PSS in MiB: a page that several processes share counts once"
    return bars("Memory", about, groups, _subjects(results))


def _subjects(results: Results) -> list[str]:
    return list(at(results, "paths", _placed(results), "latency") or {})


def charts(results: Results) -> dict[Path, str]:
    several = at(results, "paths", "free")  # cores, which parallel connections are about
    drawn: dict[str, Callable[[], str]] = {
        "warm": lambda: warm_chart(results, _placed(results)),
        "parallel": lambda: parallel_chart(results, "free" if several else _placed(results)),
        "payloads": lambda: payload_chart(results, _placed(results)),
        "starts": lambda: starts_chart(results),
        "memory": lambda: memory_chart(results),
    }
    return {ROOT / "docs" / f"bench-{name}.svg": draw() for name, draw in drawn.items()}


def rendered() -> dict[Path, str]:
    """All generated pages and charts, from the numbers."""
    results = json.loads(RESULTS.read_text())
    docs = ROOT / "docs"
    short, middle, page = ROOT / "README.md", docs / "speed.md", docs / "benchmarks.md"
    whole = fill(page.read_text(), "bench", numbers(results))
    others = json.loads(PEERS.read_text()) if PEERS.exists() else None
    if others is not None:
        whole = fill(whole, "peers", peers(others))
    return {
        short: fill(short.read_text(), "bench", readme(results)),
        middle: fill(middle.read_text(), "bench", speed(results, others)),
        page: whole,
        **charts(results),
    }


def write() -> list[Path]:
    """Write the files that differ; return their names."""
    changed = []
    for path, content in rendered().items():
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
            changed.append(path)
    return changed


def check() -> list[str]:
    """The differences, as lines."""
    found: list[str] = []
    for path, content in rendered().items():
        now = path.read_text() if path.exists() else ""
        name = str(path.relative_to(ROOT))
        found += difflib.unified_diff(
            now.splitlines(), content.splitlines(), name, "what the numbers say", lineterm="", n=0
        )
    return found


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    if not parser.parse_args(argv).check:
        write()
        return 0
    found = check()
    print("\n".join(found[:40]) if found else "pages and charts say what bench/results.json says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
