"""Measures of the function's outgoing connections: the relay, and the shim's questions.

    client with the shim ──> relay ──> server        beside: direct, C forwarder, socat, Toxiproxy

The layer is armed with a fault that never falls due, so the relay passes all bytes on as they are.
The client and the loads are those of the invocations: to the relay they are bytes.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.invocations import (
    DIRECT,
    Bout,
    Latency,
    Measure,
    Rate,
    Stream,
    Taken,
    begin,
    latencies,
    rates,
    streams,
)
from bench.process import BenchError, Scales, memory, on_cpu
from bench.stats import Spread, paired
from bench.subjects import (
    PATIENCE,
    RELAY,
    CForwarder,
    Direct,
    Extension,
    Launched,
    Running,
    Socat,
    Subject,
    fresh_address,
)
from bench.tools import Load, Server, tool
from bench.toxiproxy import Toxiproxy

NEVER = "0.000000001"
CONNECTIONS = 200
# Every connection to the server of the measurement is relayed; or none is, and each is asked about.
NAMED = {
    "FAULTLAYER_NETWORK": "300ms",
    "FAULTLAYER_NETWORK_RATE": NEVER,
    "FAULTLAYER_NETWORK_HOSTS": "127.0.0.1",
}
UNNAMED = {**NAMED, "FAULTLAYER_NETWORK_HOSTS": "*.example.com,10.0.0.0/8"}
_SHIM = "faultlayer/lib/libfaultlayer-shim.so"


@dataclass(frozen=True)
class Plan:
    """Rounds and loads of each measure.

    `questions`: connections of a round.
    """

    warm: Measure
    parallel: Measure
    payloads: Measure
    stream: Measure
    held: Load
    questions: int
    rounds: int


@dataclass(frozen=True)
class Questions:
    """Microseconds of `connect`, without and with the shim.

    With the shim: to a host that no rule names, and to a named host. `added`: by the question
    about a host that no rule names.
    """

    direct: Spread
    unnamed: Spread
    named: Spread
    added: Spread


@dataclass(frozen=True)
class Connections:
    """All numbers for one placement of the processes."""

    latency: dict[str, Latency]
    parallel: dict[str, Rate]
    payloads: dict[str, Rate]
    stream: dict[str, Stream]
    rss_kb: dict[str, int]  # the most, with CONNECTIONS at work
    questions: Questions | None
    skipped: dict[str, str]
    failed: dict[str, str]


@dataclass
class Shimmed:
    """The layer, with the shim in a client of the server."""

    extension: Launched
    api: Server
    port: int
    client_env: Mapping[str, str] | None

    @property
    def pid(self) -> int:
        return self.extension.pid

    def stop(self) -> None:
        self.extension.stop()
        self.api.stop()


@dataclass(frozen=True)
class Relayed:
    """The layer with a Runtime API of its own.

    A Runtime API's port is never relayed, so the server needs another.
    """

    opt: Path
    faults: Mapping[str, str]
    name: str = RELAY

    def missing(self) -> str | None:
        return Extension(self.name, self.opt).missing()

    def start(self, server: Server, scratch: Path) -> Running:
        api = Server()
        try:
            address = fresh_address(scratch)
            layer = Extension(self.name, self.opt, self.faults)
            running = layer.launch(api.port, address)
            try:
                api.registered_at(PATIENCE, running.started_ns)
                socket = layer.told(api.port, address, "_FAULTLAYER_SHIM")
                if not socket:
                    raise BenchError("the wrapper does not load the shim")
            except BenchError as error:
                running.stop()
                raise BenchError(f"{error}{running.launcher.last_words()}") from None
        except BenchError:
            api.stop()
            raise
        shim = {"LD_PRELOAD": str(self.opt.resolve() / _SHIM), "_FAULTLAYER_SHIM": socket}
        return Shimmed(running, api, server.port, shim)


def measure(opt: Path, plan: Plan, scratch: Path, cpu: int | None) -> Connections:
    """Take all measures; skip those that cannot run, with the reason."""
    subjects: list[Subject] = [Direct(), CForwarder(), Socat(), Relayed(opt, NAMED), Toxiproxy()]
    skipped = {one.name: why for one in subjects if (why := one.missing()) is not None}
    present = [one for one in subjects if one.name not in skipped]
    with ExitStack() as stack, on_cpu(cpu):
        bout = begin(present, scratch, stack)
        server, running, failed = bout.server, bout.running, bout.failed
        warm = bout.take("warm", plan.warm)
        if DIRECT not in warm:
            raise BenchError(f"the bare client and server fail: {failed.get(DIRECT)}")
        if RELAY in warm and warm[RELAY].cpu_s <= 0:
            raise BenchError("the client's connections did not come by the relay")
        parallel = bout.take(f"{CONNECTIONS} connections", plan.parallel)
        payloads = bout.take("6 MB", plan.payloads)
        stream = bout.take("stream", plan.stream)
        rss = {}
        for name, one in running.items():
            if name in parallel and name != DIRECT:
                rss[name] = _most(bout, name, one, plan.held)
        questions = None
        if RELAY in running:
            questions = _questions(opt, server, running[RELAY], plan, scratch)
    return Connections(
        latency=latencies(warm),
        parallel=rates(parallel),
        payloads=rates(payloads),
        stream=streams(stream, {}),
        rss_kb=rss,
        questions=questions,
        skipped=skipped,
        failed=failed,
    )


def _most(bout: Bout, name: str, running: Running, load: Load) -> int:
    """The most memory held under this load (kilobytes)."""
    with Scales(running.pid) as scales:
        try:
            bout.one(Taken(), running, load)
        except BenchError as error:
            bout.failed[f"{name}, memory"] = str(error)
    return max(scales.most.rss_kb, memory(running.pid).rss_kb)


def _questions(
    opt: Path, server: Server, named: Running, plan: Plan, scratch: Path
) -> Questions | None:
    """Measure the cost of the shim's question, in turn without the shim."""
    unnamed = Relayed(opt, UNNAMED).start(server, scratch)
    took: dict[str, list[float]] = {"direct": [], "unnamed": [], "named": []}
    environments = {
        "direct": None,
        "unnamed": unnamed.client_env,
        "named": named.client_env,
    }
    try:
        for _ in range(plan.rounds):
            for name, environment in environments.items():
                took[name].append(connect_us(server.port, plan.questions, environment))
    finally:
        unnamed.stop()
    return Questions(
        direct=Spread.of(took["direct"]),
        unnamed=Spread.of(took["unnamed"]),
        named=Spread.of(took["named"]),
        added=Spread.of(paired(took["unnamed"], took["direct"])),
    )


def connect_us(port: int, times: int, environment: Mapping[str, str] | None) -> float:
    """The median of so many calls of `connect` (microseconds)."""
    argv: Sequence[str] = [tool("asker"), str(port), str(times)]
    done = subprocess.run(
        argv, env=dict(environment or {}), capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise BenchError(f"asker: {done.stderr.strip()[:200]}")
    return float(json.loads(done.stdout)["p50_us"])
