"""`python -m soak`: a million invocations through the layer, each one judged.

A table goes to the terminal, all numbers to soak/results.json. Exit code 1 if an answer was lost,
doubled, mixed up, early or late, or if the process has grown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from soak import cases
from soak.connections import run as connections
from soak.layer import ROOT, Held, Layer, LayerError, command
from soak.rules import RULES, plan
from soak.runtime import Runtimes
from soak.sides import Side
from soak.upstream import Tally, Upstream

KINDS = ("lost", "duplicated", "mixed up", "late", "early", "broken")
# How much more than after the warm-up the process may hold at the end: what the heap keeps differs
# by some MiB from run to run. A leak of 14 bytes per invocation shows in a million of them.
# Upstream connections stay open for their next use, so many as were ever needed at once.
TOLERANCE = {"rss_kb": 12 << 10, "pss_kb": 12 << 10, "descriptors": 16, "threads": 0}
_EVERY = 10.0  # seconds between two looks
_NO_END = 1 << 40
_MILLION = 1_000_000


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=(__doc__ or "").strip())
    parser.add_argument("--relay", action="store_true",
                        help="connections of the function through the relay, in the place of "
                        "invocations; --invocations says how many")  # fmt: skip
    parser.add_argument("--invocations", type=int, metavar="N",
                        help="default: 1,000,000; of --relay 100,000")  # fmt: skip
    parser.add_argument("--minutes", type=float, metavar="M",
                        help="as many invocations as fit into so many minutes")  # fmt: skip
    parser.add_argument("--connections", type=int, default=16, metavar="N",
                        help="parallel runtimes; every other one reconnects at times")  # fmt: skip
    parser.add_argument("--seed", default="1", help="another seed, other faults")
    parser.add_argument("--late", type=float, default=5.0, metavar="SECONDS",
                        help="beyond what the faults explain (default: %(default)s)")  # fmt: skip
    parser.add_argument("--tree", type=Path, default=ROOT / "dist" / platform.machine(),
                        help="the built layer (default: %(default)s)")  # fmt: skip
    parser.add_argument("--command", help="another program in the extension's place")
    parser.add_argument("--output", type=Path, help="default: soak/results.json")
    options = parser.parse_args(argv)
    if options.output is None:
        name = "connections.json" if options.relay else "results.json"
        options.output = ROOT / "soak" / name
    return options


class Soak:
    """One run: both sides, and the layer between them."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        seed, connections, late = options.seed, options.connections, options.late
        self.connections, self.late = connections, late
        self.upstream = Side(lambda: Upstream(seed, late))
        argv, self.what = command(options.tree)
        if options.command:
            argv, self.what = shlex.split(options.command), options.command
        port = self.upstream.ask("port")
        try:
            self.layer = Layer(argv, port, plan(seed), folder)
        except LayerError:
            self.upstream.stop()
            raise
        self.runtimes = Side(lambda: Runtimes(self.layer.port, seed, connections))
        self.total = Tally()
        self.looks: list[dict[str, float]] = []
        self._started = time.monotonic()

    def phase(self, count: int, seconds: float) -> Held:
        """Run so many invocations; return the layer's holdings after the runtimes left."""
        self.upstream.ask("begin", count, seconds)
        self.runtimes.tell("run")
        while (tally := self.runtimes.hear(_EVERY)) is None:
            self._look()
            if not self.layer.alive():
                break
        if tally is not None:
            self.total.add(tally)
        held = self.layer.settled() if self.layer.alive() else Held(0, 0, 0, 0)
        self.total.add(self.upstream.ask("end"))
        return held

    def _look(self) -> None:
        if not self.layer.alive():
            return
        seconds = time.monotonic() - self._started
        held, issued = self.layer.held(), self.upstream.ask("issued")
        self.looks.append({"seconds": round(seconds, 1), "invocations": issued, **asdict(held)})
        print(f"  {seconds:6.0f} s {issued:>11,} invocations   RSS {held.rss_kb / 1024:5.1f} MiB   "
              f"{held.descriptors} descriptors   {held.threads} threads", flush=True)  # fmt: skip

    def end(self) -> list[str]:
        """Shut down; return the mistakes of its end and of its log."""
        wrong = []
        if not self.layer.alive():
            wrong.append("the extension ended by itself")
        self.upstream.ask("leave")
        code = self.layer.left()
        if code:
            wrong.append(f"the extension left with exit code {code}")
        if code is None:
            wrong.append("the extension did not leave at SHUTDOWN")
        logged, other = self.layer.logged()
        wrong += [f"logged: {line[:200]}" for line in other[:5]]
        for fault in sorted({*logged, *self.total.injected}):
            if logged[fault] != self.total.injected[fault]:
                meant = self.total.injected[fault]
                wrong.append(f"{fault}: {logged[fault]} injections logged where {meant} were due")
        return wrong

    def stop(self) -> None:
        self.layer.kill()
        self.runtimes.stop()
        self.upstream.stop()


def grown(start: Held, end: Held) -> list[str]:
    """Name the holdings that have grown beyond their tolerance."""
    return [
        f"{name} grew by {more}, more than {TOLERANCE[name]}"
        for name, more in end.grown(start).items()
        if more > TOLERANCE[name]
    ]


def show(soak: Soak, start: Held, end: Held, seconds: float, wrong: list[str]) -> None:
    total, injected = soak.total, soak.total.injected
    print(
        f"\n{total.answers:,} invocations in {seconds:.0f} s over {soak.connections} connections,"
    )
    print(f"{total.moved / 1e9:.1f} GB, through {soak.what}")
    faults = ", ".join(f"{name} {injected[name]:,}" for name in _names())
    print(f"injected as due ({sum(injected.values()):,}): {faults}\n")
    for kind in KINDS:
        print(f"  {kind:<14}{total.troubles[kind]:>9,}")
    print(f"  slowest beyond its fault {total.slowest * 1000:,.0f} ms "
          f"(late: more than {soak.late * 1000:,.0f} ms)\n")  # fmt: skip
    print(f"  {'held at rest':<14}{'start':>9}{'end':>9}{'growth':>9}{'allowed':>9}")
    for name, more in end.grown(start).items():
        before, after = asdict(start)[name], asdict(end)[name]
        print(f"  {name:<14}{before:>9,}{after:>9,}{more:>9,}{TOLERANCE[name]:>9,}")
    for line in [*total.examples, *wrong]:
        print(f"WRONG {line}")


def _names() -> list[str]:
    return list(dict.fromkeys(rule["fault"] for rule in RULES))


def run(options: argparse.Namespace, folder: Path) -> int:
    count = _NO_END if options.minutes else options.invocations or _MILLION
    limit = options.minutes * 60 if options.minutes else float("inf")
    began = time.monotonic()
    warm = max(count // 10, 1)  # what the heap keeps takes its time to reach its size
    cases.warm_up = min(cases.WARM_UP, warm)
    soak = Soak(options, folder)
    try:
        start = soak.phase(warm, limit / 5)
        print(f"warmed up by {soak.upstream.ask('issued'):,} invocations", flush=True)
        left = max(limit - (time.monotonic() - began), 0)
        end = soak.phase(count - warm, left) if soak.layer.alive() else start
        wrong = soak.end() + grown(start, end)
        if soak.total.troubles or not soak.total.answers:
            wrong.append(f"{sum(soak.total.troubles.values())} invocations did not end as due")
        seconds = time.monotonic() - began
        show(soak, start, end, seconds, wrong)
        save(options, soak, {"start": start, "end": end}, seconds, wrong)
    finally:
        soak.stop()
    print("FAILED" if wrong else "none lost, doubled, mixed up or late; nothing grew")
    return 1 if wrong else 0


def save(
    options: argparse.Namespace,
    soak: Soak,
    held: dict[str, Held],
    seconds: float,
    wrong: list[str],
) -> None:
    total = soak.total
    content = {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": options.seed,
        "connections": options.connections,
        "invocations": total.answers,
        "seconds": round(seconds, 1),
        "bytes": total.moved,
        "injected": {name: total.injected[name] for name in _names()},
        **{kind.replace(" ", "_"): Counter(total.troubles)[kind] for kind in KINDS},
        "slowest_ms": round(total.slowest * 1000, 1),
        "held": {when: asdict(one) for when, one in held.items()},
        "tolerance": TOLERANCE,
        "looks": soak.looks,
        "wrong": wrong,
    }
    options.output.write_text(json.dumps(content, indent=2) + "\n")
    print(f"All numbers: {os.path.relpath(options.output)}")


def main(argv: Sequence[str]) -> int:
    options = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are stopped too
    try:
        with tempfile.TemporaryDirectory(prefix="faultlayer-soak-") as folder:
            return (connections.run if options.relay else run)(options, Path(folder))
    except LayerError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
