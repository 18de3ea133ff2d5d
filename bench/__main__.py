"""`python -m bench`: compare direct, a C forwarder, socat and faultlayer.

Tables go to the terminal, all numbers to bench/results.json, and from there to pages and charts.
Exit code 0 whether or not a target is met; 1, with the reason in one line, if a subject gave wrong
answers or nothing can run. The load stays on loopback, and no process is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import connections, pages, report
from bench.connections import Connections
from bench.invocations import SOCAT, Paths, measure
from bench.machine import ROOT, machine, sizes, versions
from bench.process import BenchError, quietest_cpu
from bench.sandbox import Held, Starts, held, starts
from bench.sizes import SIZES
from bench.subjects import IDLE, CForwarder, Direct, External, Socat, Subject, external, layer
from bench.tools import compile_all


@dataclass
class Outcome:
    """All numbers of a run, as written to results.json."""

    paths: dict[str, Paths] = field(default_factory=dict)
    starts: dict[str, Starts] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    connections: dict[str, Connections] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)  # cannot run on this machine
    failed: dict[str, str] = field(default_factory=dict)  # ran, and was wrong


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").strip())
    parser.add_argument("--quick", action="store_const", const="quick", dest="size", default="full")
    parser.add_argument("--smoke", action="store_const", const="smoke", dest="size",
                        help="barely a measurement: does the harness still work?")  # fmt: skip
    parser.add_argument("--tree", type=Path, default=ROOT / "dist" / platform.machine(),
                        help="the built layer (default: %(default)s)")  # fmt: skip
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND",
                        help="one more proxy: a command in which {upstream} and {port} are the "
                        "fake Runtime API's port and its own; NAME@PORT=… where it always has "
                        "that port. Goes to bench/peers.json")  # fmt: skip
    parser.add_argument("--only", choices=("connections",),
                        help="measure that alone; the other numbers stay as they are")  # fmt: skip
    parser.add_argument("--placement", choices=("one", "free", "both"), default="both",
                        help="all processes on one CPU (which repeats best), wherever the kernel "
                        "puts them, or both")  # fmt: skip
    parser.add_argument("--cpu", type=int, help="the one CPU (default: the idlest)")
    parser.add_argument("--output", type=Path, help="the numbers go there, and to no page")
    return parser.parse_args(argv)


def usable(subjects: Sequence[Subject], skipped: dict[str, str]) -> list[Subject]:
    for subject in subjects:
        reason = subject.missing()
        if reason is not None:
            skipped[subject.name] = reason
    return [subject for subject in subjects if subject.name not in skipped]


def run(options: argparse.Namespace, cpu: int, scratch: Path) -> Outcome:
    chosen, outcome = SIZES[options.size], Outcome()
    others: list[Subject] = [external(spec) for spec in options.also]
    ours: list[Subject] = list(layer(options.tree))
    if others:  # then it is they who are compared
        ours = [one for one in ours if one.name != IDLE][:1]
    subjects = usable([Direct(), CForwarder(), Socat(), *ours, *others], outcome.skipped)
    placements: dict[str, int | None] = {"one": cpu, "free": None}
    if options.placement != "both":
        placements = {options.placement: placements[options.placement]}
    if not others and any(one in subjects for one in ours):
        for name, where in placements.items():
            print(f"connections, {report.PLACEMENTS[name]} …", flush=True)
            relayed = connections.measure(options.tree, chosen.relay, scratch, where)
            outcome.connections[name] = relayed
            outcome.skipped.update(relayed.skipped)
            outcome.failed.update({f"connections, {k}": v for k, v in relayed.failed.items()})
    if options.only == "connections":
        return outcome
    for name, where in placements.items():
        print(f"{report.PLACEMENTS[name]} …", flush=True)
        plan = chosen.one if name == "one" else chosen.free
        outcome.paths[name] = measure(subjects, plan, scratch, where)
    for paths in outcome.paths.values():
        outcome.failed.update(paths.failed)
    alive = [one for one in subjects if one.name not in outcome.failed]
    if any(one in alive for one in ours):
        # Matching and dry run start as any configuration does.
        several = [one for one in alive if one in ours[:2] or isinstance(one, External)]
        for name, what in report.STARTS.items():
            turns = chosen.starts if name == "warm" else chosen.hard_starts
            print(f"starts, {what}: {turns} turns …", flush=True)
            found = starts(options.tree, several, turns, scratch, cpu, name)
            outcome.starts[name] = found
            outcome.failed.update({f"{k}, start, {what}": v for k, v in found.failed.items()})
            if found.skipped:
                outcome.skipped[f"starts, {what}"] = found.skipped
    print("memory …", flush=True)
    for one in alive:
        if isinstance(one, Direct):
            continue
        try:
            outcome.held[one.name] = held(one, chosen.one_held, chosen.many_held, scratch, cpu)
        except BenchError as error:
            outcome.failed[f"{one.name}, memory"] = str(error)
    return outcome


def collected(
    outcome: Outcome, options: argparse.Namespace, facts: dict[str, object], began: float
) -> dict[str, Any]:
    made = {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "size": options.size,
        "seconds": round(time.monotonic() - began),
        "machine": facts,
        "versions": versions(options.tree),
    }
    found = asdict(outcome)
    # A run of their own has another machine and time than the rest.
    relayed = {**made, "placements": found.pop("connections")} if outcome.connections else None
    if options.only:
        before: dict[str, Any] = json.loads(pages.RESULTS.read_text())
        return {**before, "connections": relayed}
    return {**made, "layer": sizes(options.tree), **found, "connections": relayed}


def tell(results: dict[str, Any], only: str | None) -> None:
    report.show(list(report.relayed_grids(results) if only else report.grids(results)))
    print()
    if results["layer"]:
        print(pages.layer_line(results))
    for name, reason in results["skipped"].items():
        print(f"skipped {name}: {reason}")
    for name, reason in results["failed"].items():
        print(f"FAILED {name}: {reason}")
    if SOCAT in results["skipped"]:
        print("Without socat, the targets that compare with it are not measured.")


def main(argv: Sequence[str]) -> int:
    options = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are stopped too
    began = time.monotonic()
    try:
        compile_all()
        cpu = quietest_cpu() if options.cpu is None else options.cpu
        facts = machine(cpu, os.getloadavg())
        with tempfile.TemporaryDirectory(prefix="faultlayer-bench-") as scratch:
            outcome = run(options, cpu, Path(scratch))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    results = pages.rounded(collected(outcome, options, facts, began))
    tell(results, options.only)
    output = options.output or (pages.PEERS if options.also else pages.RESULTS)
    output.write_text(pages.text_of(results))
    print(f"All numbers: {os.path.relpath(output)}")
    if options.output is None:
        print("Written: " + ", ".join(os.path.relpath(path) for path in pages.write()))
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
