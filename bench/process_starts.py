"""The cost of the shim for each started process: loading and hello."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter_ns

from bench.process import BenchError
from bench.stats import Spread, paired


@dataclass(frozen=True)
class Starts:
    """Microseconds from start to end of `true`, without and with the shim."""

    without: Spread
    shimmed: Spread
    added: Spread


def measure(shim: Mapping[str, str], times: int = 300) -> Starts:
    """Start `true` in turn without and with these variables.

    They are LD_PRELOAD and the name of the socket.
    """
    program = shutil.which("true")
    if program is None:
        raise BenchError("there is no `true` on the PATH")
    bare = {name: text for name, text in os.environ.items() if name != "LD_PRELOAD"}
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for environ, into in zip((bare, {**bare, **shim}), took, strict=True):
            into.append(_start_us(program, environ))
    without, shimmed = took
    return Starts(Spread.of(without), Spread.of(shimmed), Spread.of(paired(shimmed, without)))


def _start_us(program: str, environ: Mapping[str, str]) -> float:
    began = perf_counter_ns()
    child = os.posix_spawn(program, [program], environ)
    status = os.waitpid(child, 0)[1]
    took = (perf_counter_ns() - began) / 1000
    if status:
        raise BenchError(f"{program} ended with the status {status}")
    return took
