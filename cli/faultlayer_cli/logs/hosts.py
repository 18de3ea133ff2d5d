"""Hosts that functions call: the sums of FAULTLAYER_OBSERVE's log lines.

    host_observed ──read──> HostSum of a line ──HostTable──> HostSum of all lines, for each host

Each line has its times rounded to two digits, and how often each was taken. So a median of all
lines is as exact as one of a single line: at most 5 % off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faultlayer.values.hosts import HostList

EVENT = "host_observed"
_COUNTS = ("connections", "failed", "direct", "sent", "received")
_OPTIONAL = frozenset(("direct",))
_MOST = 10**15


@dataclass
class HostSum:
    """A host and the sum of its connections.

    `host` is empty for those that were too many to be told apart. `direct`: connections of which
    no more is known. `sent` and `received` are bytes from and to the function. `connect` and
    `first_byte`: how often each time (milliseconds) was taken.
    """

    host: str
    port: int
    connections: int = 0
    failed: int = 0
    direct: int = 0
    sent: int = 0
    received: int = 0
    connect: Counter[float] = field(default_factory=Counter)
    first_byte: Counter[float] = field(default_factory=Counter)

    @property
    def aim(self) -> str:
        """The entry of a fault's HOSTS for this host; empty if unknown."""
        if not self.host:
            return ""
        entry = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        try:
            HostList().parse(entry)
        except ValueError:
            return ""
        return entry

    def join(self, other: HostSum) -> None:
        """Add another sum of the same host."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.connect += other.connect
        self.first_byte += other.first_byte

    def as_json(self) -> dict[str, Any]:
        """The sum, for scripts."""
        known = {"host": self.host, "port": self.port, "aim": self.aim}
        return {
            **(known if self.host else {"others": True}),
            **{name: getattr(self, name) for name in _COUNTS},
            "connect_ms_median": percentile(self.connect, 50),
            "connect_ms_p95": percentile(self.connect, 95),
            "first_byte_ms_median": percentile(self.first_byte, 50),
            "first_byte_ms_p95": percentile(self.first_byte, 95),
        }


class HostTable:
    """Adds up the sums of lines, host by host."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, int], HostSum] = {}

    def add(self, line: HostSum) -> None:
        """Add the sum of a log line."""
        key = (line.host, line.port)
        self._sums.setdefault(key, HostSum(*key)).join(line)

    def rows(self) -> tuple[HostSum, ...]:
        """The hosts by falling number of connections, those not told apart last."""
        return tuple(
            sorted(
                self._sums.values(),
                key=lambda one: (
                    not one.host,
                    -one.connections,
                    -one.sent - one.received,
                    one.host,
                    one.port,
                ),
            )
        )


def read(line: Mapping[str, Any]) -> HostSum | None:
    """The sum in a log line; None if it is not understood."""
    host, port = line.get("host"), line.get("port")
    if line.get("others") is True:
        host, port = "", 0
    elif not (isinstance(host, str) and host and _is_count(port)):
        return None
    counts = {name: line.get(name, 0 if name in _OPTIONAL else None) for name in _COUNTS}
    try:
        connect = _times(line.get("connect_ms", ""))
        first_byte = _times(line.get("first_byte_ms", ""))
    except (AttributeError, ValueError):
        return None
    if not all(map(_is_count, counts.values())):
        return None
    return HostSum(str(host), int(port or 0), **counts, connect=connect, first_byte=first_byte)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _times(text: str) -> Counter[float]:
    """Parse the times of a line.

    `0.91*10 1.4` is ten of 0.91 ms, and one of 1.4 ms.
    """
    found: Counter[float] = Counter()
    for each in text.split():
        time, _, often = each.partition("*")
        number, count = float(time), int(often or 1)
        if not (math.isfinite(number) and number >= 0 and _is_count(count)):
            raise ValueError
        found[number] += count
    return found


def percentile(times: Counter[float], percent: float) -> float | None:
    """The percentile by nearest rank; None if there are no times."""
    rank = max(math.ceil(times.total() * percent / 100), 1)
    for time in sorted(times):
        rank -= times[time]
        if rank <= 0:
            return time
    return None
