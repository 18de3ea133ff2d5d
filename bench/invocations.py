"""Measures of the path: warm, parallel and large invocations, a stream.

Rounds are short, interleaved and in a rotating order, so a slow spell of the machine hits all
subjects alike. A subject with a wrong answer drops out of the measure, with its reason. Two
clients never run at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
class Measure:
    """A load and the number of its rounds."""

    rounds: int
    load: Load


@dataclass(frozen=True)
class Plan:
    """Rounds and loads of each measure, sizes and connections by title."""

    own: Measure
    warm: Measure
    parallel: dict[str, Measure]
    payloads: dict[str, Measure]
    first_bytes: Measure
    stream: Measure


@dataclass
class Taken:
    """The rounds of one subject, with the processor time of each round."""

    rounds: list[Round] = field(default_factory=list)
    cpu_s: float = 0.0
    invocations: int = 0

    def each(self, pick: Callable[[Round], float]) -> list[float]:
        return [pick(one) for one in self.rounds]

    @property
    def own_cpu_us(self) -> float:
        return self.cpu_s * 1e6 / self.invocations


@dataclass(frozen=True)
class Latency:
    """Warm invocations of one subject (microseconds).

    `added`: over direct, round by round; for p99.9 over all samples, since a round is too short
    for it. The ratios are of the added time, round by round; the ratio of p99 is of the whole
    invocation.
    """

    p50: Spread
    p99: Spread
    all_p99: float
    all_p999: float
    added: Spread | None
    added_p99: Spread | None
    added_p999: float | None
    to_forwarder: float | None
    to_socat: float | None
    p99_to_socat: float | None
    own_cpu: float | None
    samples: int


@dataclass(frozen=True)
class Rate:
    """Throughput of one subject.

    `added_us`: to the median invocation. `own_cpu`: per invocation.
    """

    per_s: Spread
    mb_per_s: Spread
    added_us: Spread | None
    p99_us: Spread
    to_socat: float | None
    own_cpu: float | None


@dataclass(frozen=True)
class Stream:
    """A streamed response: its throughput, and its first byte's delay."""

    mb_per_s: Spread | None
    first_us: Spread | None
    to_socat: float | None


@dataclass(frozen=True)
class Harness:
    """Processor time of the benchmark's own two ends per 1 KB invocation.

    In their code and in the kernel's sockets, with no hop between them.
    """

    client_user_us: float
    client_system_us: float
    server_us: float


@dataclass
class Paths:
    """All numbers for one placement of the processes."""

    latency: dict[str, Latency]
    parallel: dict[str, dict[str, Rate]]
    payloads: dict[str, dict[str, Rate]]
    stream: dict[str, Stream]
    harness: Harness
    hops: dict[str, int]  # how many more connections a request passes
    failed: dict[str, str]


class Bout:
    """Running subjects, and the rounds of one load after another."""

    def __init__(self, server: Server, running: dict[str, Running], scratch: Path) -> None:
        self.server = server
        self.running = running
        self.scratch = scratch
        self.failed: dict[str, str] = {}

    def take(self, what: str, measure: Measure) -> dict[str, Taken]:
        taken = {name: Taken() for name in self.running}
        for turn in range(measure.rounds):
            names = list(taken)
            start = turn % len(names) if names else 0
            for name in names[start:] + names[:start]:
                try:
                    self.one(taken[name], self.running[name], measure.load)
                except BenchError as error:
                    self.failed[f"{name}, {what}"] = str(error)
                    del taken[name]
        self.server.check()
        return taken

    def one(self, mine: Taken, running: Running, load: Load) -> None:
        before = cpu_seconds(running.pid)
        one = run_client(running.port, self.server.port, load, self.scratch, env=running.client_env)
        mine.rounds.append(one)
        mine.cpu_s += cpu_seconds(running.pid) - before
        mine.invocations += one.n + load.warm_up * load.connections


def begin(subjects: Sequence[Subject], scratch: Path, stack: ExitStack) -> Bout:
    """Start the server and all subjects, which end with the stack."""
    server = Server()
    stack.callback(server.stop)
    bout = Bout(server, {}, scratch)
    for subject in subjects:
        try:
            running = subject.start(server, scratch)
        except BenchError as error:
            bout.failed[subject.name] = str(error)
        else:
            stack.callback(running.stop)
            bout.running[subject.name] = running
    return bout


def measure(subjects: Sequence[Subject], plan: Plan, scratch: Path, cpu: int | None) -> Paths:
    with ExitStack() as stack, on_cpu(cpu):
        bout = begin(subjects, scratch, stack)
        server, running, failed = bout.server, bout.running, bout.failed
        if DIRECT not in running:
            raise BenchError(f"the bare client and server fail: {failed.get(DIRECT)}")
        harness = own_cost(bout, plan.own)
        warm = bout.take("warm", plan.warm)
        if DIRECT not in warm:
            raise BenchError(f"the bare client and server fail: {failed}")
        parallel = {what: bout.take(what, one) for what, one in plan.parallel.items()}
        payloads = {what: bout.take(what, one) for what, one in plan.payloads.items()}
        first = bout.take("first byte", plan.first_bytes)
        stream = bout.take("stream", plan.stream)
        hops = {name: int(one.port != server.port) for name, one in running.items()}
    return Paths(
        latency=latencies(warm),
        parallel={what: rates(taken) for what, taken in parallel.items()},
        payloads={what: rates(taken) for what, taken in payloads.items()},
        stream=streams(stream, first),
        harness=harness,
        hops=hops,
        failed=failed,
    )


def own_cost(bout: Bout, own: Measure) -> Harness:
    """Measure the cost of client and server without a hop between them."""
    before = cpu_seconds(bout.server.pid)
    taken = Taken()
    for _ in range(own.rounds):
        bout.one(taken, bout.running[DIRECT], own.load)
    server = cpu_seconds(bout.server.pid) - before
    count = sum(taken.each(lambda r: r.n))
    return Harness(
        client_user_us=sum(taken.each(lambda r: r.user_us * r.n)) / count,
        client_system_us=sum(taken.each(lambda r: r.system_us * r.n)) / count,
        server_us=server * 1e6 / taken.invocations,
    )


def latencies(taken: dict[str, Taken]) -> dict[str, Latency]:
    p50 = {name: t.each(lambda r: r.p50_us) for name, t in taken.items()}
    p99 = {name: t.each(lambda r: r.p99_us) for name, t in taken.items()}
    pooled = {name: sorted(s for r in t.rounds for s in r.samples_us) for name, t in taken.items()}
    base = pooled[DIRECT]
    added = {name: paired(p50[name], p50[DIRECT]) for name in taken if name != DIRECT}

    def over(name: str, share: float) -> float | None:
        if name == DIRECT:
            return None
        return percentile(pooled[name], share) - percentile(base, share)

    def later(name: str, each: dict[str, list[float]]) -> Spread | None:
        return None if name == DIRECT else Spread.of(paired(each[name], each[DIRECT]))

    def to(name: str, other: str) -> float | None:
        if name not in added or other not in added or name == other:
            return None
        return paired_ratio(added[name], added[other])

    def tail(name: str) -> float | None:
        if SOCAT not in p99 or name == SOCAT:
            return None
        return paired_ratio(p99[name], p99[SOCAT])

    return {
        name: Latency(
            p50=Spread.of(p50[name]),
            p99=Spread.of(p99[name]),
            all_p99=percentile(pooled[name], 0.99),
            all_p999=percentile(pooled[name], 0.999),
            added=later(name, p50),
            added_p99=later(name, p99),
            added_p999=over(name, 0.999),
            to_forwarder=to(name, YARDSTICK),
            to_socat=to(name, SOCAT),
            p99_to_socat=tail(name),
            own_cpu=None if name == DIRECT else t.own_cpu_us,
            samples=len(pooled[name]),
        )
        for name, t in taken.items()
    }


def rates(taken: dict[str, Taken]) -> dict[str, Rate]:
    socat, direct = taken.get(SOCAT), taken.get(DIRECT)
    found = {}
    for name, t in taken.items():
        p50, per_s = t.each(lambda r: r.p50_us), t.each(lambda r: r.per_s)
        base = direct.each(lambda r: r.p50_us) if direct and name != DIRECT else None
        other = socat.each(lambda r: r.per_s) if socat and name != SOCAT else None
        found[name] = Rate(
            per_s=Spread.of(per_s),
            mb_per_s=Spread.of(t.each(lambda r: r.mb_per_s)),
            added_us=Spread.of(paired(p50, base)) if base else None,
            p99_us=Spread.of(t.each(lambda r: r.p99_us)),
            to_socat=paired_ratio(per_s, other) if other else None,
            own_cpu=None if name == DIRECT else t.own_cpu_us,
        )
    return found


def streams(taken: dict[str, Taken], first: dict[str, Taken]) -> dict[str, Stream]:
    speed = {name: t.each(lambda r: r.mb_per_s) for name, t in taken.items()}
    early = {name: t.each(lambda r: r.first_us) for name, t in first.items()}
    socat = speed.get(SOCAT)
    return {
        name: Stream(
            mb_per_s=Spread.of(speed[name]) if name in speed else None,
            first_us=Spread.of(early[name]) if name in early else None,
            to_socat=paired_ratio(speed[name], socat)
            if socat and name in speed and name != SOCAT
            else None,
        )
        for name in {**first, **taken}
    }
