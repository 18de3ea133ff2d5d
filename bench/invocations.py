"""Measures of the path: time added per warm invocation, and throughput of large payloads.

It promises short interleaved rounds in a rotating order, so that a slow spell of the machine falls
on every subject alike, and that a subject which fails drops out with its reason and never half
counted. It must not run two clients at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import BenchError, cpu_seconds, on_cpu
from bench.stats import Spread, paired, paired_ratio, percentile
from bench.subjects import Running, Subject
from bench.tools import Load, Round, Server, run_client

YARDSTICK = "C forwarder"
SOCAT = "socat"
DIRECT = "direct"


@dataclass(frozen=True)
class Plan:
    """How much of each measure to take."""

    rounds: int
    small: Load
    large_rounds: int
    large: Load


@dataclass
class Taken:
    """The rounds of one subject, and the processor time its processes used in them."""

    rounds: list[Round] = field(default_factory=list)
    cpu_s: float = 0.0
    invocations: int = 0


@dataclass(frozen=True)
class Latency:
    """One subject's warm invocations; microseconds. `added` is over direct, round by round."""

    p50: Spread
    p99: float
    p999: float
    added: Spread | None
    added_p99: float | None
    added_p999: float | None
    to_forwarder: float | None
    to_socat: float | None
    own_cpu: float | None
    rounds: list[float]  # p50 of each


@dataclass(frozen=True)
class Throughput:
    mb_per_s: Spread
    to_socat: float | None


@dataclass
class Paths:
    """Everything measured in one placement of the processes."""

    latency: dict[str, Latency]
    throughput: dict[str, Throughput]
    client_cpu_us: float
    server_cpu_us: float
    failed: dict[str, str]


def measure(subjects: Sequence[Subject], plan: Plan, scratch: Path, cpu: int | None) -> Paths:
    failed: dict[str, str] = {}
    with ExitStack() as stack, on_cpu(cpu):
        server = Server()
        stack.callback(server.stop)
        running: dict[str, Running] = {}
        for subject in subjects:
            try:
                running[subject.name] = subject.start(server.port, scratch)
            except BenchError as error:
                failed[subject.name] = str(error)
            else:
                stack.callback(running[subject.name].stop)
        before = cpu_seconds(server.pid)
        small = interleave(running, plan.rounds, plan.small, scratch, failed)
        server.check()
        server_cpu = cpu_seconds(server.pid) - before
        large = interleave(running, plan.large_rounds, plan.large, scratch, failed)
        server.check()
    if DIRECT not in small:
        raise BenchError(f"the bare client and server fail: {failed.get(DIRECT)}")
    answered = sum(taken.invocations for taken in small.values())
    return Paths(
        latency=latencies(small),
        throughput=throughputs(large),
        client_cpu_us=Spread.of([r.client_cpu_us for r in small[DIRECT].rounds]).median,
        server_cpu_us=server_cpu * 1e6 / answered,
        failed=failed,
    )


def interleave(
    running: dict[str, Running], rounds: int, load: Load, scratch: Path, failed: dict[str, str]
) -> dict[str, Taken]:
    taken = {name: Taken() for name in running}
    for turn in range(rounds):
        names = list(taken)
        start = turn % len(names) if names else 0
        for name in names[start:] + names[:start]:
            used = cpu_seconds(running[name].pid)
            try:
                one = run_client(running[name].port, load, scratch)
            except BenchError as error:
                failed[name] = str(error)
                del taken[name], running[name]
                continue
            mine = taken[name]
            mine.rounds.append(one)
            mine.cpu_s += cpu_seconds(running[name].pid) - used
            mine.invocations += load.invocations + load.warm_up
    return taken


def latencies(taken: dict[str, Taken]) -> dict[str, Latency]:
    p50 = {name: [r.p50_us for r in t.rounds] for name, t in taken.items()}
    pooled = {name: sorted(s for r in t.rounds for s in r.samples_us) for name, t in taken.items()}
    base = pooled[DIRECT]
    added = {name: paired(p50[name], p50[DIRECT]) for name in taken if name != DIRECT}

    def over(name: str, share: float) -> float | None:
        if name == DIRECT:
            return None
        return percentile(pooled[name], share) - percentile(base, share)

    def to(name: str, other: str) -> float | None:
        if name not in added or other not in added or name == other:
            return None
        return paired_ratio(added[name], added[other])

    return {
        name: Latency(
            p50=Spread.of(p50[name]),
            p99=percentile(pooled[name], 0.99),
            p999=percentile(pooled[name], 0.999),
            added=Spread.of(added[name]) if name in added else None,
            added_p99=over(name, 0.99),
            added_p999=over(name, 0.999),
            to_forwarder=to(name, YARDSTICK),
            to_socat=to(name, SOCAT),
            own_cpu=None if name == DIRECT else t.cpu_s * 1e6 / t.invocations,
            rounds=p50[name],
        )
        for name, t in taken.items()
    }


def throughputs(taken: dict[str, Taken]) -> dict[str, Throughput]:
    speed = {name: [r.mb_per_s for r in t.rounds] for name, t in taken.items()}
    socat = speed.get(SOCAT)
    return {
        name: Throughput(
            Spread.of(one), paired_ratio(one, socat) if socat and name != SOCAT else None
        )
        for name, one in speed.items()
    }
