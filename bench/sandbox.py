"""Measures of the extension's own process: how soon it has registered, and how much it holds.

It promises that the clock starts inside the mount namespace, just before fork, for the extension
and for the bare interpreter alike, and that the two take turns. Nothing here waits by sleeping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.process import BenchError, Memory, memory, on_cpu
from bench.stats import Spread, ratio
from bench.subjects import PATIENCE, Extension, fresh_address, launch, opt_prefix
from bench.tools import Load, Server, run_client

INTERPRETER = "/opt/faultlayer/bin/python3"
BARE = "bare start"


@dataclass(frozen=True)
class Starts:
    """Milliseconds from exec to registered (of the bare interpreter: to its exit)."""

    ms: dict[str, Spread]
    to_bare: dict[str, float | None]
    pair_ratio: dict[str, Spread]
    failed: dict[str, str]


@dataclass(frozen=True)
class Held:
    """Memory of one extension after the small and after the large payloads."""

    after_small: Memory
    after_large: Memory


def bare_start(opt: Path, scratch: Path) -> float:
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    started = launch(opt_prefix(opt), [INTERPRETER, "-IS", "-c", "pass"], env)
    try:
        status, ended = started.launcher.report("exited", PATIENCE)
        if status != "0":
            raise BenchError(f"{INTERPRETER} exited {status}{started.launcher.last_words()}")
        return (int(ended) - started.started_ns) / 1e6
    finally:
        started.launcher.stop()


def registered(extension: Extension, server: Server, scratch: Path) -> float:
    address = fresh_address(scratch)
    started = extension.launch(server.port, address)
    try:
        return (server.registered_at(PATIENCE) - started.started_ns) / 1e6
    except BenchError as error:
        raise BenchError(f"never registered: {error}{started.launcher.last_words()}") from None
    finally:
        started.stop()
        address.unlink(missing_ok=True)


def starts(
    opt: Path, extensions: Sequence[Extension], times: int, scratch: Path, cpu: int | None
) -> Starts:
    taken: dict[str, list[float]] = {BARE: [], **{one.name: [] for one in extensions}}
    failed: dict[str, str] = {}
    with on_cpu(cpu):
        server = Server()
        try:
            measures: dict[str, Callable[[], float]] = {BARE: lambda: bare_start(opt, scratch)}
            for one in extensions:
                measures[one.name] = lambda one=one: registered(one, server, scratch)  # type: ignore[misc]
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
        finally:
            server.stop()
    return summary({n: v for n, v in taken.items() if v and n not in failed}, failed)


def summary(taken: dict[str, list[float]], failed: dict[str, str]) -> Starts:
    ms = {name: Spread.of(values) for name, values in taken.items()}
    bare = ms.get(BARE)
    others = [name for name in ms if name != BARE and bare is not None]
    return Starts(
        ms=ms,
        to_bare={name: ratio(ms[name].median, bare.median if bare else None) for name in others},
        pair_ratio={
            name: Spread.of([a / b for a, b in zip(taken[name], taken[BARE], strict=True)])
            for name in others
        },
        failed=failed,
    )


def held(extension: Extension, small: Load, large: Load, scratch: Path, cpu: int | None) -> Held:
    """In a process of its own, on one connection each, so that nothing before it counts."""
    with on_cpu(cpu):
        server = Server()
        try:
            running = extension.start(server.port, scratch)
            try:
                run_client(running.port, small, scratch)
                first = memory(running.pid)
                run_client(running.port, large, scratch)
                return Held(first, memory(running.pid))
            finally:
                running.stop()
        finally:
            server.stop()
