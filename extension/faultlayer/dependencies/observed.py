"""FAULTLAYER_OBSERVE=hosts: log the hosts that the function calls.

    control, relay ── count ──> HostSum of each host ── a period of running time is over ──> lines
                                                     └─ the environment ends ──────────────> lines

- A host is a name as it was looked up (else an address) and a port. All addresses of a name count
  together.
- A sum covers the running time since the last one, and begins anew with each line.
- Memory and log are bounded: _MOST_KNOWN hosts are told apart, and _MOST_LINES of one sum have a
  line of their own. One more line has the rest.
- All times are of the host itself, without the faults that are in force.

It belongs to the loop's thread.
"""

from __future__ import annotations

from math import ceil

from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.dependencies.running_time import RunningTime

EVENT = "host_observed"
NO_HOST = (
    "the function made no TCP connection while hosts were observed, loopback and link-local "
    "addresses apart; connections that were open before are not seen"
)
NO_REQUEST = (
    "no request came through the proxy: the function sent none, or by a client that does not "
    "honour HTTP_PROXY and HTTPS_PROXY"
)
_MOST_KNOWN = 200  # hosts: they take 2.5 MB at most
_MOST_LINES = 50  # hosts of one sum
_MOST_TIMES = 64  # different times of one sum
_SHORTEST = 0.01  # ms


def two_digits(number: float) -> float:
    """The number rounded to two significant digits: at most 5 % off."""
    return float(f"{number:.2g}")


class Times:
    """Times of one kind (milliseconds): rounded values and their counts."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[float, int] = {}

    def add(self, seconds: float) -> None:
        """Count a time (milliseconds)."""
        self._count(two_digits(max(seconds * 1000, _SHORTEST)), 1)
        if len(self.counts) > _MOST_TIMES:  # one digit: nine for each power of ten
            counts, self.counts = self.counts, {}
            for time, often in counts.items():
                self._count(float(f"{time:.1g}"), often)

    def _count(self, time: float, often: int) -> None:
        self.counts[time] = self.counts.get(time, 0) + often

    def join(self, other: Times) -> None:
        """Add the times of another sum."""
        for time, often in other.counts.items():
            self._count(time, often)

    def percentile(self, percent: float) -> float | None:
        """The percentile by nearest rank; None if there are no times."""
        rank = max(ceil(sum(self.counts.values()) * percent / 100), 1)
        for time in sorted(self.counts):
            rank -= self.counts[time]
            if rank <= 0:
                return time
        return None

    def text(self) -> str:
        """All times in order.

        `0.91*10 1.4` is ten of 0.91 ms, and one of 1.4 ms.
        """
        return " ".join(
            f"{time:.10g}" + (f"*{self.counts[time]}" if self.counts[time] > 1 else "")
            for time in sorted(self.counts)
        )

    def fields(self, name: str) -> dict[str, Any]:
        """The members of a log line; none without a time."""
        if not self.counts:
            return {}
        return {
            name + "_median": self.percentile(50),
            name + "_p95": self.percentile(95),
            name: self.text(),
        }


class HostSum:
    """Connections, bytes and times of one host since its last log line.

    - `connections`: begun connections; `failed`: refused or not answered by the host; `direct`:
      past the relay, so their bytes and times are not known
    - `sent`, `received`: bytes from and to the function, TLS included
    - `connect`: time from the begin of a connection to the host's answer
    - `first_byte`: time from the host's answer, or from the function's first byte if that is later,
      to the host's first byte
    """

    __slots__ = (
        "connect",
        "connections",
        "direct",
        "failed",
        "first_byte",
        "links",
        "received",
        "sent",
    )

    def __init__(self) -> None:
        self.links = 0  # open connections: more bytes may come
        self.restart()

    def restart(self) -> None:
        """Set all counts back to zero."""
        self.connections = self.failed = self.direct = 0
        self.sent = self.received = 0
        self.connect, self.first_byte = Times(), Times()

    @property
    def is_empty(self) -> bool:
        """True if nothing has happened."""
        return not (self.connections or self.sent or self.received)

    def join(self, other: HostSum) -> None:
        """Add the sum of another host."""
        self.connections += other.connections
        self.failed += other.failed
        self.direct += other.direct
        self.sent += other.sent
        self.received += other.received
        self.connect.join(other.connect)
        self.first_byte.join(other.first_byte)

    def fields(self) -> dict[str, Any]:
        """The members of a log line."""
        counts = {
            "connections": self.connections,
            "failed": self.failed,
            "sent": self.sent,
            "received": self.received,
        }
        if self.direct:
            counts["direct"] = self.direct
        return {
            **counts,
            **self.connect.fields("connect_ms"),
            **self.first_byte.fields("first_byte_ms"),
        }


class Observed:
    """The sums of all hosts."""

    def __init__(self, clock: RunningTime) -> None:
        self._clock = clock
        self._sums: dict[tuple[str, int], HostSum] = {}
        self._others = HostSum()  # hosts beyond the most known
        self._logged = False

    def of(self, host: str, port: int) -> HostSum:
        """The sum of the host with this name or address, and port."""
        found = self._sums.get((host, port))
        if found is None:
            if len(self._sums) >= _MOST_KNOWN:
                return self._others
            found = self._sums[host, port] = HostSum()
        return found

    def look(self) -> None:
        """Log the sums if a period of running time is over."""
        if self._clock.is_period_over:
            self.log()

    def log(self) -> None:
        """Log the sums and set them back to zero."""
        seconds = round(self._clock.seconds, 1)
        self._clock.restart()
        found = [(key, each) for key, each in self._sums.items() if not each.is_empty]
        found.sort(key=lambda one: (-one[1].connections, -one[1].received - one[1].sent, one[0]))
        for (host, port), each in found[:_MOST_LINES]:
            self._log({"host": host, "port": port}, each, seconds)
        rest = found[_MOST_LINES:]
        for _, each in rest:
            self._others.join(each)
        if not self._others.is_empty:
            self._log({"others": True}, self._others, seconds)
        self._others.restart()
        for key, each in list(self._sums.items()):
            if each.is_empty and not each.links:
                del self._sums[key]
            each.restart()

    def _log(self, where: dict[str, Any], of: HostSum, seconds: float) -> None:
        self._logged = True
        emit("info", EVENT, **where, seconds=seconds, **of.fields())

    def finish(self, *, asked: bool, why_closed: str, is_proxy: bool) -> None:
        """Log the last sums, or the reason that there are none.

        The reason is logged only if no sum was logged before and hosts are observed.

        `why_closed`: why connections are out of reach; empty if they are not. `is_proxy`: only
        those through the proxy are known.
        """
        self.log()
        if not asked or self._logged:
            return
        if why_closed:
            emit("warn", "hosts_not_observed", message=why_closed)
        else:
            emit("info", "no_host_observed", message=NO_REQUEST if is_proxy else NO_HOST)
