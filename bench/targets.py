"""The product contract's speed targets (DESIGN §7) as data, and the verdict on each.

It promises that a target without a measurement is "not measured", never met. Missing one is told,
not punished: a benchmark is no test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.invocations import SOCAT, Paths
from bench.sandbox import Held, Starts
from bench.stats import ratio


@dataclass(frozen=True)
class Target:
    """`key` names a measured value; it must be at most, at least, or below `limit`."""

    key: str
    text: str
    relation: str
    limit: float


TARGETS = (
    Target("added_to_forwarder", "added p50 ÷ C forwarder's", "≤", 1.25),
    Target("added_to_socat", "added p50 ÷ socat's", "<", 1.0),
    Target("p99_to_socat", "p99 ÷ socat's", "<", 1.0),
    Target("throughput_to_socat", "6 MB payloads, MB/s ÷ socat's", "≥", 0.8),
    Target("start_to_bare", "exec-to-registered ÷ bare start", "≤", 1.5),
    Target("rss_mib", "resident memory, MiB", "≤", 12.0),
)


@dataclass(frozen=True)
class Verdict:
    target: Target
    value: float | None

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        relation, limit = self.target.relation, self.target.limit
        if relation == "≤":
            return self.value <= limit
        return self.value < limit if relation == "<" else self.value >= limit

    @property
    def word(self) -> str:
        return {True: "met", False: "NOT MET", None: "not measured"}[self.met]


def judge(values: Mapping[str, float | None]) -> list[Verdict]:
    return [Verdict(target, values.get(target.key)) for target in TARGETS]


def measured(
    name: str, paths: Paths | None, starts: Starts | None, held: Held | None
) -> dict[str, float | None]:
    """The values the targets are about, for one subject."""
    values: dict[str, float | None] = {}
    if paths is not None and name in paths.latency:
        mine, socat = paths.latency[name], paths.latency.get(SOCAT)
        values["added_to_forwarder"] = mine.to_forwarder
        values["added_to_socat"] = mine.to_socat
        values["p99_to_socat"] = ratio(mine.p99, socat.p99 if socat else None)
    if paths is not None and name in paths.throughput:
        values["throughput_to_socat"] = paths.throughput[name].to_socat
    if starts is not None:
        values["start_to_bare"] = starts.to_bare.get(name)
    if held is not None:
        values["rss_mib"] = max(held.after_small.rss_kb, held.after_large.rss_kb) / 1024
    return values
