"""Sizes of a run: full, `--quick`, and `--smoke`, which measures nothing.

Payloads are in powers of 1024 but the largest: Lambda's limit of 6 MB holds the envelope too.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench import connections
from bench.invocations import Measure, Plan
from bench.tools import Load

KB = 1024
PAYLOADS = {"1 KB": KB, "100 KB": 100 * KB, "1 MB": KB * KB, "6 MB": 6_000_000}
CONNECTIONS = (1, 8, 32, 64)
STREAM = 200_000_000
_BRIEF = 0.5  # seconds of a round at most: a slow subject makes fewer invocations
_MANY = 20_000  # invocations of a connection in a time that is limited otherwise


@dataclass(frozen=True)
class Size:
    """Rounds and loads of a whole run.

    `free`: the kernel places the processes.
    """

    one: Plan
    free: Plan
    starts: int  # from a warm page cache
    hard_starts: int  # from a cold one, and with little CPU
    one_held: tuple[Load, ...]  # loads while memory is measured: one connection at a time
    many_held: tuple[Load, ...]  # and many connections
    relay: connections.Plan


def plan(rounds: int, each: int, few: int, seconds: float, stream: int) -> Plan:
    """Rounds and loads of the path.

    `few`: rounds of all but the warm invocations. `seconds`: for each number of connections.
    """
    warm = Load(each, KB, KB, warm_up=max(each // 10, 1), seconds=_BRIEF)

    def parallel(connections: int) -> Measure:
        load = Load(_MANY, KB, KB, warm_up=3, connections=connections, seconds=seconds)
        return Measure(few, load)

    def payload(size: int) -> Measure:
        times = max(min(each, round(each * 15 * KB / size)), 4)  # about as long as one of 100 KB
        return Measure(few, Load(min(times, each), size, size, warm_up=1, seconds=_BRIEF))

    return Plan(
        # Many at a time: the kernel tells its own time from the program's by its clock's ticks.
        own=Measure(min(few, 3), Load(each * 25, KB, KB, warm_up=1)),
        warm=Measure(rounds, warm),
        parallel={str(n): parallel(n) for n in CONNECTIONS},
        payloads={title: payload(size) for title, size in PAYLOADS.items()},
        first_bytes=Measure(4 * few, Load(1, KB, 64 * KB, warm_up=0, streamed=True)),
        stream=Measure(few, Load(1, KB, stream, warm_up=0, streamed=True, seconds=30)),
    )


def one_held(small: int, large: int, stream: int) -> tuple[Load, ...]:
    return (
        Load(small, KB, KB, 0),
        Load(large, PAYLOADS["6 MB"], PAYLOADS["6 MB"], 0),
        Load(1, KB, stream, 0, streamed=True, seconds=30),
    )


def many_held(seconds: float) -> tuple[Load, ...]:
    return (Load(_MANY, KB, KB, 0, connections=max(CONNECTIONS), seconds=seconds),)


def relay(rounds: int, each: int, few: int, seconds: float, stream: int) -> connections.Plan:
    """Rounds and loads of the relay.

    `few`: rounds of all but the warm round trips. `seconds`: for many connections.
    """
    many = connections.CONNECTIONS
    large = PAYLOADS["6 MB"]
    return connections.Plan(
        warm=Measure(rounds, Load(each, KB, KB, warm_up=max(each // 10, 1), seconds=_BRIEF)),
        parallel=Measure(few, Load(_MANY, KB, KB, warm_up=3, connections=many, seconds=seconds)),
        payloads=Measure(few, Load(6, large, large, warm_up=1, seconds=_BRIEF)),
        stream=Measure(few, Load(1, KB, stream, warm_up=0, streamed=True, seconds=30)),
        held=Load(_MANY, KB, KB, warm_up=0, connections=many, seconds=3 * seconds),
        questions=each,
        rounds=few,
    )


SIZES = {
    "full": Size(
        one=plan(60, 400, 15, 0.2, STREAM),
        free=plan(40, 400, 15, 0.2, STREAM),
        starts=40,
        hard_starts=15,
        one_held=one_held(10_000, 10, STREAM),
        many_held=many_held(0.5),
        relay=relay(40, 400, 12, 0.3, STREAM),
    ),
    "quick": Size(
        one=plan(15, 250, 4, 0.1, STREAM),
        free=plan(10, 250, 4, 0.1, STREAM),
        starts=12,
        hard_starts=4,
        one_held=one_held(5_000, 4, STREAM),
        many_held=many_held(0.3),
        relay=relay(12, 250, 4, 0.2, STREAM),
    ),
    "smoke": Size(
        one=plan(2, 10, 1, 0.01, 1_000_000),
        free=plan(1, 10, 1, 0.01, 1_000_000),
        starts=1,
        hard_starts=1,
        one_held=one_held(20, 1, 1_000_000),
        many_held=many_held(0.01),
        relay=relay(2, 10, 1, 0.05, 1_000_000),
    ),
}
