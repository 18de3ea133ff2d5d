"""The extension's process: time to registration, and memory.

The clock starts inside the mount namespace, just before exec, for the extension and for the bare
interpreter alike, and the two take turns. Nothing here waits by sleeping.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import groups
from bench.process import BenchError, Memory, Scales, memory, on_cpu
from bench.stats import Spread, paired_ratio
from bench.subjects import (
    PATIENCE,
    Extension,
    External,
    Running,
    Subject,
    fresh_address,
    launch,
    opt_prefix,
    wait_for_listener,
)
from bench.tools import Load, Server, run_client

INTERPRETER = "/opt/faultlayer/bin/python3"
BARE = "bare start"
_DROP = Path("/proc/sys/vm/drop_caches")
SHARE = 7  # of a core: what a function of 128 MB is held to


@dataclass(frozen=True)
class Starts:
    """Milliseconds from exec to registration, and ratios to the bare start.

    The bare interpreter counts to its exit, another proxy until its port takes connections. Ratios
    are turn by turn.
    """

    ms: dict[str, Spread]
    to_bare: dict[str, float | None]
    failed: dict[str, str]
    skipped: str | None = None


@dataclass(frozen=True)
class Held:
    """Memory of one subject before the first request, and its maximum.

    On one connection at a time, as a function has it, then on many.
    """

    rest: Memory
    one: Memory
    many: Memory


def bare_start(opt: Path, how: Sequence[str]) -> float:
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    started = launch(opt_prefix(opt), [INTERPRETER, "-IS", "-c", "pass"], env, how)
    try:
        status, ended = started.launcher.report("exited", PATIENCE)
        if status != "0":
            raise BenchError(f"{INTERPRETER} exited {status}{started.launcher.last_words()}")
        return (int(ended) - started.started_ns) / 1e6
    finally:
        started.launcher.stop()


def registered(extension: Extension, server: Server, scratch: Path, how: Sequence[str]) -> float:
    address = fresh_address(scratch)
    started = extension.launch(server.port, address, how)
    try:
        at = server.registered_at(PATIENCE, started.started_ns)
        return (at - started.started_ns) / 1e6
    except BenchError as error:
        raise BenchError(f"never registered: {error}{started.launcher.last_words()}") from None
    finally:
        started.stop()
        address.unlink(missing_ok=True)


def listening(other: External, server: Server) -> float:
    started = other.launch(server.port)
    try:
        at = wait_for_listener(started.port, started.launcher)
        return (at - started.started_ns) / 1e6
    finally:
        started.stop()


@contextmanager
def condition(name: str) -> Iterator[list[str]]:
    """The launch options for a condition.

    Raises BenchError if this machine lacks it.
    """
    if name == "cold":
        if not os.access(_DROP, os.W_OK) or os.geteuid() != 0:
            raise BenchError("dropping the page cache needs root")
        os.sync()  # what has just been built could not be dropped
        yield ["--drop-caches"]
    elif name == "share":
        with groups.one_of(SHARE) as tasks:
            yield ["--group", tasks]
    else:
        yield []


def starts(
    opt: Path, subjects: Sequence[Subject], times: int, scratch: Path, cpu: int | None, name: str
) -> Starts:
    try:
        with condition(name) as how, on_cpu(cpu):
            server = Server()
            try:
                return turns(measures(opt, subjects, server, scratch, how), times, server)
            finally:
                server.stop()
    except BenchError as error:
        return Starts({}, {}, {}, skipped=str(error))


def measures(
    opt: Path, subjects: Sequence[Subject], server: Server, scratch: Path, how: Sequence[str]
) -> dict[str, Callable[[], float]]:
    found: dict[str, Callable[[], float]] = {BARE: lambda: bare_start(opt, how)}
    for one in subjects:
        if isinstance(one, Extension):
            found[one.name] = lambda one=one: registered(one, server, scratch, how)  # type: ignore[misc]
        elif isinstance(one, External) and not how:
            found[one.name] = lambda one=one: listening(one, server)  # type: ignore[misc]
    return found


def turns(measures: dict[str, Callable[[], float]], times: int, server: Server) -> Starts:
    taken: dict[str, list[float]] = {name: [] for name in measures}
    failed: dict[str, str] = {}
    for turn in range(times + 1):
        for name, take in measures.items():
            if name in failed:
                continue
            try:
                value = take()
            except BenchError as error:
                server.check()
                failed[name] = str(error)
                continue
            if turn:  # the first turn only warms the page cache
                taken[name].append(value)
    return summary({n: v for n, v in taken.items() if v and n not in failed}, failed)


def summary(taken: dict[str, list[float]], failed: dict[str, str]) -> Starts:
    bare = taken.get(BARE)
    return Starts(
        ms={name: Spread.of(values) for name, values in taken.items()},
        to_bare={
            name: paired_ratio(values, bare)
            for name, values in taken.items()
            if bare is not None and name != BARE
        },
        failed=failed,
    )


def held(
    subject: Subject, one: Sequence[Load], many: Sequence[Load], scratch: Path, cpu: int | None
) -> Held:
    """Measure memory in a new process, so that nothing before it counts."""
    with on_cpu(cpu):
        server = Server()
        try:
            running = subject.start(server, scratch)
            try:
                rest = memory(running.pid)
                return Held(
                    rest,
                    most(running, server, one, scratch),
                    most(running, server, many, scratch),
                )
            finally:
                running.stop()
        finally:
            server.stop()


def most(running: Running, server: Server, loads: Sequence[Load], scratch: Path) -> Memory:
    """The memory's maximum under these loads, without refused ones.

    A refused load is reported by its own measure.
    """
    with Scales(running.pid) as scales:
        for load in loads:
            try:
                run_client(running.port, server.port, load, scratch, env=running.client_env)
            except BenchError:
                server.check()
    return scales.most
