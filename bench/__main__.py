"""`python -m bench`: compares direct, a plain C forwarder, socat and faultlayer in one run.

It promises tables on the terminal and everything behind them in bench/results.json; exit code 0
whether or not a target is met, 1 when a subject gave wrong answers or nothing can run at all, with
the reason in one line. It loads loopback only, and leaves no process behind.
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench import report
from bench.invocations import SOCAT, Paths, Plan, measure
from bench.process import BenchError, quietest_cpu
from bench.sandbox import Held, Starts, held, starts
from bench.subjects import CForwarder, Direct, Extension, Socat, Subject, layer, prototype
from bench.targets import Verdict, judge, measured
from bench.tools import Load, compile_all

ROOT = Path(__file__).resolve().parent.parent
KB, MB = 1024, 6_000_000  # Lambda's 6 MB limit holds the envelope too: stay just below it


@dataclass(frozen=True)
class Size:
    """How long a run takes, all told."""

    plan: Plan
    starts: int
    held_small: Load
    held_large: Load


def size(rounds: int, invocations: int, large_rounds: int, times: int, kept: int) -> Size:
    small = Load(invocations, KB, KB, warm_up=max(invocations // 10, 1))
    large = Load(4, MB, MB, warm_up=1)
    plan = Plan(rounds, small, large_rounds, large)
    return Size(plan, times, Load(kept, KB, KB, 0), Load(10, MB, MB, 0))


SIZES = {
    "full": size(60, 350, 15, 40, 10_000),
    "quick": size(15, 200, 5, 12, 10_000),
    "smoke": size(2, 20, 1, 1, 50),
}


@dataclass
class Outcome:
    """All of one run, as it goes into results.json."""

    paths: dict[str, Paths]
    starts: Starts | None
    held: dict[str, Held]
    skipped: dict[str, str]  # cannot run on this machine
    failed: dict[str, str]  # ran, and was wrong


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").strip())
    parser.add_argument("--quick", action="store_const", const="quick", dest="size", default="full")
    parser.add_argument("--smoke", action="store_const", const="smoke", dest="size",
                        help="barely a measurement: does the harness still work?")  # fmt: skip
    parser.add_argument("--tree", type=Path, default=ROOT / "dist" / platform.machine(),
                        help="the built layer (default: %(default)s)")  # fmt: skip
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND",
                        help="one more proxy, started with AWS_LAMBDA_RUNTIME_API and publishing "
                        "its address in $_FAULTLAYER_ADDRESS as the extension does")  # fmt: skip
    parser.add_argument("--placement", choices=("one", "free", "both"), default="both",
                        help="all processes on one CPU (repeatable, what the targets are judged "
                        "by), wherever the kernel puts them, or both")  # fmt: skip
    parser.add_argument("--cpu", type=int, help="the one CPU (default: the idlest)")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results.json")
    return parser.parse_args(argv)


def usable(subjects: Sequence[Subject], skipped: dict[str, str]) -> list[Subject]:
    for subject in subjects:
        reason = subject.missing()
        if reason is not None:
            skipped[subject.name] = reason
    return [subject for subject in subjects if subject.name not in skipped]


def run(options: argparse.Namespace, cpu: int, scratch: Path) -> Outcome:
    chosen = SIZES[options.size]
    ours = layer(options.tree)
    extensions: list[Extension] = [ours, *[prototype(spec) for spec in options.also]]
    outcome = Outcome({}, None, {}, {}, {})
    subjects = usable([Direct(), CForwarder(), Socat(), *extensions], outcome.skipped)
    extensions = [one for one in extensions if one in subjects]
    if options.placement in ("one", "both"):
        print(f"all on CPU {cpu}: {chosen.plan.rounds} rounds …", flush=True)
        outcome.paths["one"] = measure(subjects, chosen.plan, scratch, cpu)
    if options.placement in ("free", "both"):
        print("placed by the kernel: rounds …", flush=True)
        fewer = replace(chosen.plan, rounds=max(chosen.plan.rounds // 2, 2))
        outcome.paths["free"] = measure(subjects, fewer, scratch, None)
    for paths in outcome.paths.values():
        outcome.failed.update(paths.failed)
    alive = [one for one in extensions if one.name not in outcome.failed]
    if ours in extensions:
        print(f"exec to registered: {chosen.starts} turns …", flush=True)
        idle = replace(ours, name=f"{ours.name} (no fault set)", faults={})
        outcome.starts = starts(options.tree, [*alive, idle], chosen.starts, scratch, cpu)
        late = outcome.starts.failed.items()
        outcome.failed.update({f"{name}, start": reason for name, reason in late})
    for one in alive:
        try:
            outcome.held[one.name] = held(one, chosen.held_small, chosen.held_large, scratch, cpu)
        except BenchError as error:
            outcome.failed[f"{one.name}, memory"] = str(error)
    return outcome


def verdicts(outcome: Outcome, name: str, placement: str) -> list[Verdict]:
    paths = outcome.paths.get(placement)
    return judge(measured(name, paths, outcome.starts, outcome.held.get(name)))


def show(outcome: Outcome, cpu: int, names: Sequence[str]) -> None:
    where = {"one": f"all processes on CPU {cpu}", "free": "processes placed by the kernel"}
    grids = []
    for placement, paths in outcome.paths.items():
        grids.append(report.latency_grid(paths, where[placement]))
        grids.append(report.throughput_grid(paths, where[placement]))
    if outcome.starts is not None:
        grids.append(report.starts_grid(outcome.starts))
    if outcome.held:
        grids.append(report.memory_grid(outcome.held))
    judged = next(iter(outcome.paths))
    for name in names:
        if name not in outcome.skipped and name not in outcome.failed:
            grids.append(report.target_grid(name, verdicts(outcome, name, judged), where[judged]))
    report.show(grids)
    for placement, paths in outcome.paths.items():
        print(f"\nThe harness itself, {where[placement]}: client {paths.client_cpu_us:.0f} µs and "
              f"server {paths.server_cpu_us:.0f} µs of CPU per invocation.")  # fmt: skip
    for name, reason in outcome.skipped.items():
        print(f"skipped {name}: {reason}")
    for name, reason in outcome.failed.items():
        print(f"FAILED {name}: {reason}")


def save(outcome: Outcome, options: argparse.Namespace, cpu: int, names: Sequence[str]) -> None:
    content = {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "size": options.size,
        "machine": {
            "kernel": platform.release(),
            "arch": platform.machine(),
            "cpus": len(os.sched_getaffinity(0)),
            "pinned_to": cpu,
            "load_average": os.getloadavg(),
        },
        **asdict(outcome),
        "targets": {
            name: {
                placement: [
                    {**asdict(v.target), "value": v.value, "verdict": v.word}
                    for v in verdicts(outcome, name, placement)
                ]
                for placement in outcome.paths
            }
            for name in names
        },
    }
    options.output.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def main(argv: Sequence[str]) -> int:
    options = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are stopped too
    try:
        compile_all()
        cpu = quietest_cpu() if options.cpu is None else options.cpu
        names = ["faultlayer", *[prototype(spec).name for spec in options.also]]
        with tempfile.TemporaryDirectory(prefix="faultlayer-bench-") as scratch:
            outcome = run(options, cpu, Path(scratch))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show(outcome, cpu, names)
    save(outcome, options, cpu, names)
    if SOCAT in outcome.skipped:
        print("Without socat, the targets that compare with it are not measured.")
    print(f"All numbers: {os.path.relpath(options.output)}")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
