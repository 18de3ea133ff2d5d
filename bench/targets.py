"""The speed targets as data, and the verdict on each.

A target without a measurement is "not measured", never met. A missed target is reported and
changes no exit code: a benchmark is no test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.invocations import YARDSTICK
from bench.subjects import IDLE, OURS, RELAY

Results = Mapping[str, Any]  # what results.json holds
_MATCHING = f"{OURS}, matching"


@dataclass(frozen=True)
class Target:
    """A target: `key`'s value is at most, or at least, `limit`.

    `placed`: it depends on where the processes run. `free`: the limit if the kernel places them,
    if that is another one.
    """

    key: str
    text: str
    relation: str
    limit: float
    unit: str = " ×"
    placed: bool = True
    free: float | None = None

    def limit_for(self, placement: str) -> float:
        """The limit for this placement of the processes."""
        return self.limit if self.free is None or placement != "free" else self.free


TARGETS = (
    Target("added_to_forwarder", "added p50 ÷ C forwarder's", "≤", 1.15, free=1.25),
    Target("p99_to_forwarder", "added p99 ÷ C forwarder's", "≤", 1.25),
    Target("matching_to_forwarder", "matching: added p50 ÷ C forwarder's", "≤", 1.5),
    Target("throughput_to_socat", "6 MB payloads, throughput ÷ `socat`'s", "≥", 1.0),
    Target("stream_to_socat", "200 MB stream, throughput ÷ `socat`'s", "≥", 1.0),
    Target("idle_hops", "hops that the idle layer adds", "≤", 0, "", placed=False),
    Target("start_to_bare", "exec-to-registered ÷ bare start", "≤", 1.3, placed=False),
    Target("rss_mib", "resident memory, one connection", "≤", 12.0, " MiB", placed=False),
    Target("zip_mb", "layer, zipped", "≤", 7.5, " MB", placed=False),
    Target("relay_to_forwarder", "relay: added p50 ÷ C forwarder's", "≤", 1.5),
    Target("relay_to_socat", "relay: 6 MB payloads, throughput ÷ `socat`'s", "≥", 0.8),
    Target("relay_stream_to_socat", "relay: 200 MB stream, throughput ÷ `socat`'s", "≥", 0.8),
    Target("relay_rss_mib", "relay: resident memory, 200 connections", "≤", 16.0, " MiB"),
    Target("question_us", "a connection to a host that no rule names: added", "≤", 60.0, " µs"),
)


@dataclass(frozen=True)
class Verdict:
    target: Target
    value: float | None
    placement: str = "one"

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        limit = self.target.limit_for(self.placement)
        return self.value <= limit if self.target.relation == "≤" else self.value >= limit

    @property
    def word(self) -> str:
        return {True: "met", False: "NOT MET", None: "not measured"}[self.met]


def judge(values: Mapping[str, float | None], placement: str = "one") -> list[Verdict]:
    return [Verdict(target, values.get(target.key), placement) for target in TARGETS]


def at(results: Results, *path: str) -> Any:
    """The value at this path; None if a step is missing."""
    found: Any = results
    for step in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def _ratio(value: float | None, other: float | None) -> float | None:
    return None if value is None or not other else value / other


def measured(results: Results, placement: str, name: str = OURS) -> dict[str, float | None]:
    """The values of the targets, for the layer or another subject."""
    latency = ("paths", placement, "latency", name)
    peak = at(results, "held", name, "one", "rss_kb")
    zipped = at(results, "layer", "zip") if name == OURS else None
    # Of another proxy there are no such numbers.
    relay = ("connections", "placements" if name == OURS else "none", placement)
    most = at(results, *relay, "rss_kb", RELAY)
    return {
        "added_to_forwarder": at(results, *latency, "to_forwarder"),
        "p99_to_forwarder": _ratio(
            at(results, *latency, "added_p99", "median"),
            at(results, "paths", placement, "latency", YARDSTICK, "added_p99", "median"),
        ),
        "matching_to_forwarder": at(
            results, "paths", placement, "latency", _MATCHING, "to_forwarder"
        )
        if name == OURS
        else None,
        "throughput_to_socat": at(
            results, "paths", placement, "payloads", "6 MB", name, "to_socat"
        ),
        "stream_to_socat": at(results, "paths", placement, "stream", name, "to_socat"),
        "idle_hops": at(results, "paths", placement, "hops", IDLE) if name == OURS else None,
        "start_to_bare": at(results, "starts", "warm", "to_bare", name),
        "rss_mib": None if peak is None else peak / 1024,
        "zip_mb": None if zipped is None else zipped / (1 << 20),
        "relay_to_forwarder": at(results, *relay, "latency", RELAY, "to_forwarder"),
        "relay_to_socat": at(results, *relay, "payloads", RELAY, "to_socat"),
        "relay_stream_to_socat": at(results, *relay, "stream", RELAY, "to_socat"),
        "relay_rss_mib": None if most is None else most / 1024,
        "question_us": at(results, *relay, "questions", "added", "median"),
    }
