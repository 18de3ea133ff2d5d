"""The C programs of bench/c: compiled on the spot, then called.

Programs are always built from the sources beside them. A client's run with a wrong answer is an
error, never a number.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.process import BenchError, Child

HERE = Path(__file__).resolve().parent
BIN = HERE / "bin"
PROGRAMS = ("server", "client", "forwarder", "launch", "asker")


def compiler() -> str:
    cc = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if cc is None:
        raise BenchError("bench needs a C compiler (cc): on Debian, apt-get install gcc libc6-dev")
    return cc


def compile_all() -> None:
    cc = compiler()
    BIN.mkdir(exist_ok=True)
    shared = max(header.stat().st_mtime for header in (HERE / "c").glob("*.h"))
    for name in PROGRAMS:
        source, target = HERE / "c" / f"{name}.c", BIN / name
        newest = max(shared, source.stat().st_mtime)
        if target.exists() and target.stat().st_mtime > newest:
            continue
        # Built aside and renamed: a second run in the same checkout may be executing the old one.
        fresh = BIN / f".{name}.{os.getpid()}"
        argv = [cc, "-O2", "-Wall", "-Wextra", "-pthread", "-o", str(fresh), str(source)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"{cc} could not build {source.name}: {done.stderr.strip()}")
        fresh.replace(target)


def tool(name: str) -> str:
    return str(BIN / name)


class Server:
    """The fake Runtime API, on a port of its own choosing."""

    def __init__(self) -> None:
        self._child = Child([tool("server")])
        self.port = int(self._child.report("port")[0])

    @property
    def pid(self) -> int:
        return self._child.pid

    def registered_at(self, timeout: float, since: int = 0) -> int:
        """Times of the next registration after `since` (CLOCK_MONOTONIC, nanoseconds)."""
        while True:
            at = int(self._child.report("register", timeout)[0])
            if at >= since:
                return at

    def check(self) -> None:
        """Raise BenchError if the fake Runtime API has ended.

        Without it no number counts, and no subject is to blame.
        """
        ended = self._child.ended()
        if ended is not None:
            raise BenchError(f"the fake Runtime API is gone: {ended}")

    def stop(self) -> None:
        self._child.stop()


@dataclass(frozen=True)
class Load:
    """One call of the client.

    So many invocations, of this size each way, on each connection; or as many as begin within the
    time.
    """

    invocations: int
    event_bytes: int
    answer_bytes: int
    warm_up: int
    connections: int = 1
    seconds: float = 2.0
    streamed: bool = False


@dataclass(frozen=True)
class Round:
    """A round as seen by the client (microseconds per invocation).

    `user_us` and `system_us`: its own processor time. `first_us`: a stream's first byte, from here
    to the fake Runtime API.
    """

    n: int
    p50_us: float
    p99_us: float
    per_s: float
    mb_per_s: float
    user_us: float
    system_us: float
    first_us: float
    samples_us: list[float]


def run_client(
    port: int,
    server_port: int,
    load: Load,
    scratch: Path,
    timeout: float = 60.0,
    env: Mapping[str, str] | None = None,
) -> Round:
    raw = scratch / "samples"
    argv = [tool("client"), str(port), str(server_port), str(load.invocations)]
    argv += [str(load.event_bytes), str(load.answer_bytes), "--warm-up", str(load.warm_up)]
    argv += ["--connections", str(load.connections), "--seconds", str(load.seconds)]
    argv += ["--raw", str(raw), *(["--stream"] if load.streamed else [])]
    try:
        done = subprocess.run(
            argv, env=env, check=False, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"no end of {load.invocations} invocations in {timeout:.0f} s") from None
    if done.returncode:
        raise BenchError("client: " + " ".join(done.stderr.split())[:300])
    nanoseconds = array("I", raw.read_bytes())
    return Round(samples_us=[ns / 1000 for ns in nanoseconds], **json.loads(done.stdout))
