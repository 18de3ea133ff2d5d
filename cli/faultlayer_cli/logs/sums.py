"""Sums: which invocations were hit by which fault, which of them failed, how long they took.

Every invocation counts once; a retry under the same request id is another invocation. The
invocations that no fault hit are the control group.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from faultlayer_cli.logs.hosts import HostSum, HostTable
from faultlayer_cli.logs.lines import Fact, FactKind, Trouble


@dataclass
class LoggedInvocation:
    """One invocation, as far as the log has it."""

    started: bool = False
    reported: bool = False
    failed: bool = False
    duration: float | None = None
    injected: Counter[str] = field(default_factory=Counter)
    dry_runs: Counter[str] = field(default_factory=Counter)

    def join(self, other: LoggedInvocation) -> None:
        """Add the later part of the log on this invocation."""
        self.failed |= other.failed
        self.injected += other.injected
        self.dry_runs += other.dry_runs


@dataclass(frozen=True)
class Group:
    """A group of invocations: how many, how they ended, how long they took (milliseconds)."""

    invocations: int
    share: float | None  # of all
    errors: int
    error_share: float | None
    median_ms: float | None
    p95_ms: float | None
    injections: int = 0
    dry_runs: int = 0


@dataclass(frozen=True)
class Sums:
    """Sums of invocations, by fault and in all, and of hosts."""

    faults: dict[str, Group]
    not_hit: Group
    total: Group
    troubles: dict[Trouble, int]
    hosts: tuple[HostSum, ...] = ()

    @property
    def empty(self) -> bool:
        """True if the log had nothing that a report understands."""
        total = self.total
        counted = total.invocations or total.injections or total.dry_runs
        return not (counted or self.troubles or self.hosts)


class Tally:
    """Takes the facts of messages, in the order of the log, and sums them up."""

    def __init__(self) -> None:
        self._of: dict[
            str, list[LoggedInvocation]
        ] = {}  # by request id, retries one after the other
        self._running: dict[str, LoggedInvocation] = {}  # by log stream
        self._unclaimed: set[str] = set()  # streams with an error that no invocation has yet
        self._begun: dict[str, list[Fact]] = {}  # by stream: hits of a start, before any event
        self._troubles: Counter[Trouble] = Counter()
        self._hosts = HostTable()
        self._starts = self._backwards = 0

    @property
    def newest_first(self) -> bool:
        """True if most invocations have their report before their start."""
        return self._backwards * 2 > self._starts

    def add(self, stream: str, seen: Fact) -> None:
        """Take one fact of this log stream."""
        if seen.trouble:
            self._troubles[seen.trouble] += 1
        elif seen.host:
            self._hosts.add(seen.host)
        elif seen.kind is FactKind.START:
            self._start(stream, seen.request)
        elif seen.kind is FactKind.REPORT:
            self._report(stream, seen)
        elif seen.request:
            self._say(seen)
        elif seen.kind is FactKind.ERROR:
            self._error(stream)
        elif stream in self._running:  # a hit of a start counts for the invocation waiting for it
            _count(self._running[stream], seen)
        else:
            self._begun.setdefault(stream, []).append(seen)

    def _start(self, stream: str, request: str) -> None:
        known = self._of.get(request, ())
        self._starts += 1
        self._backwards += any(one.reported for one in known) and not any(
            one.started for one in known
        )
        one = self._open(request)
        if one.started:
            one = self._another(request)
        one.started = True
        for seen in self._begun.pop(stream, ()):
            _count(one, seen)
        self._running[stream] = one
        self._unclaimed.discard(stream)

    def _report(self, stream: str, seen: Fact) -> None:
        one = self._open(seen.request)
        one.reported = True
        one.duration = seen.duration
        one.failed |= seen.failed or stream in self._unclaimed
        self._running.pop(stream, None)
        self._unclaimed.discard(stream)

    def _error(self, stream: str) -> None:
        """An error without a request id belongs to the invocation that runs in its stream."""
        if stream in self._running:
            self._running[stream].failed = True
        else:
            self._unclaimed.add(stream)

    def _say(self, seen: Fact) -> None:
        if seen.kind is FactKind.ERROR:  # may come after the report
            known = self._of.get(seen.request)
            (known[-1] if known else self._another(seen.request)).failed = True
            return
        if seen.kind is FactKind.RETRACTED:
            _uncount(self._of.get(seen.request, ()), seen.fault)
            return
        _count(self._open(seen.request), seen)

    def _open(self, request: str) -> LoggedInvocation:
        """The invocation with this id that has not ended yet, as far as is known."""
        known = self._of.get(request)
        if known and not known[-1].reported:
            return known[-1]
        return self._another(request)

    def _another(self, request: str) -> LoggedInvocation:
        one = LoggedInvocation()
        self._of.setdefault(request, []).append(one)
        return one

    def invocations(self) -> list[LoggedInvocation]:
        """All invocations. Lines after an invocation's report still count as that invocation's."""
        found: list[LoggedInvocation] = []
        for several in self._of.values():
            kept: list[LoggedInvocation] = []
            for one in several:
                if kept and not (one.started or one.reported):
                    kept[-1].join(one)
                else:
                    kept.append(one)
            found += kept
        return found

    def sums(self) -> Sums:
        every = self.invocations()
        starts = LoggedInvocation()  # the hits of starts that no invocation followed
        for seen in itertools.chain.from_iterable(self._begun.values()):
            _count(starts, seen)
        hit = [*every, starts]
        names = sorted({name for one in hit for name in (*one.injected, *one.dry_runs)})
        total = _group(every, lambda one: True, names)
        return Sums(
            faults={name: self._fault(every, starts, name) for name in names},
            not_hit=_group(every, lambda one: not one.injected),
            total=replace(
                total,
                injections=total.injections + starts.injected.total(),
                dry_runs=total.dry_runs + starts.dry_runs.total(),
            ),
            troubles=dict(self._troubles),
            hosts=self._hosts.rows(),
        )

    @staticmethod
    def _fault(every: Sequence[LoggedInvocation], starts: LoggedInvocation, name: str) -> Group:
        group = _group(every, lambda one: name in one.injected, [name])
        return replace(
            group,
            injections=group.injections + starts.injected[name],
            dry_runs=sum(one.dry_runs[name] for one in (*every, starts)),
        )


def _count(one: LoggedInvocation, seen: Fact) -> None:
    """Count one injection, or dry run, of this invocation."""
    one.failed |= seen.failed
    counts = one.injected if seen.kind is FactKind.INJECTED else one.dry_runs
    counts[seen.fault] += 1


def _uncount(known: Sequence[LoggedInvocation], fault: str) -> None:
    """Take back the last injection of this fault among these."""
    for one in reversed(known):
        if one.injected[fault]:
            one.injected -= Counter((fault,))
            return


def _group(
    every: Sequence[LoggedInvocation],
    belongs: Callable[[LoggedInvocation], bool],
    names: Iterable[str] = (),
) -> Group:
    """Sum up the invocations that belong, with the hits of these faults."""
    some = [one for one in every if belongs(one)]
    durations = sorted(one.duration for one in some if one.duration is not None)
    errors = sum(one.failed for one in some)
    return Group(
        invocations=len(some),
        share=len(some) / len(every) if every else None,
        errors=errors,
        error_share=errors / len(some) if some else None,
        median_ms=round(statistics.median(durations), 3) if durations else None,
        p95_ms=percentile(durations, 95),
        injections=sum(one.injected[name] for one in some for name in names),
        dry_runs=sum(one.dry_runs[name] for one in some for name in names),
    )


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The percentile by nearest rank; None if there are no values."""
    if not ordered:
        return None
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]
