"""The layer under test: the extension's process as Lambda starts it.

The environment is clean, and /opt read-only if a layer is built. `Layer` reports the process's
holdings and its log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.process import memory
from bench.subjects import EXTENSION, namespace_trouble, opt_prefix

ROOT = Path(__file__).resolve().parent.parent
_START = 20.0  # seconds
_SETTLE = 15.0
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); {}from faultlayer.main import main; main()"


class LayerError(Exception):
    """The layer could not be run."""


@dataclass(frozen=True)
class Held:
    """Holdings of the process: kilobytes, and numbers."""

    rss_kb: int
    pss_kb: int
    descriptors: int
    threads: int

    def grown(self, before: Held) -> dict[str, int]:
        """The growth since an earlier time, by name."""
        theirs = asdict(before)
        return {name: value - theirs[name] for name, value in asdict(self).items()}


def from_source(first: str = "") -> list[str]:
    """The extension of this checkout on this Python.

    `first`: code that runs before it.
    """
    return [sys.executable, "-ISB", "-c", _CODE.format(first), str(ROOT / "extension")]


def command(tree: Path) -> tuple[list[str], str]:
    """The command that starts the extension, and its name for people."""
    if not (tree / "extensions" / "faultlayer").exists():
        return from_source(), f"this checkout's extension on {sys.executable} (no built {tree})"
    trouble = namespace_trouble()
    if trouble is not None:
        return from_source(), f"this checkout's extension on {sys.executable} ({trouble})"
    return [*opt_prefix(tree), EXTENSION], f"{os.path.relpath(tree)} as /opt"


class Layer:
    """The running extension."""

    def __init__(
        self, argv: list[str], upstream: int, plan: dict[str, Any], folder: Path, at_rest: int = 1
    ) -> None:
        """`at_rest`: threads that it has if nothing happens."""
        self._at_rest = at_rest
        self._address = folder / "address"
        self._out, self._err = folder / "out", folder / "err"
        environ = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{upstream}",
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
            "_FAULTLAYER_ADDRESS": str(self._address),
            "FAULTLAYER_PLAN": json.dumps(plan),
        }
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                argv, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        self.port = self._port()

    def _port(self) -> int:
        until = time.monotonic() + _START
        while time.monotonic() < until and self._process.poll() is None:
            words = self._address.read_text().split() if self._address.exists() else []
            if words and ":" in words[0]:
                return int(words[0].rpartition(":")[2])
            time.sleep(0.01)
        self.kill()
        said = self._out.read_text() + self._err.read_text()
        raise LayerError(f"the extension did not start: {said[-500:]}")

    def variable(self, name: str) -> str:
        """A variable that the wrapper sets for the function."""
        lines = self._address.read_text().splitlines()
        for at, line in enumerate(lines):
            if line == f"{name} 1":
                return lines[at + 1]
        raise LayerError(f"the wrapper is not told to set {name}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def held(self) -> Held:
        """The holdings of the process now."""
        pid = self._process.pid
        size = memory(pid)
        status = Path(f"/proc/{pid}/status").read_text()
        threads = int(status.split("Threads:")[1].split()[0])
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return Held(size.rss_kb, size.pss_kb, descriptors, threads)

    def settled(self) -> Held:
        """The holdings after the extension noticed that all runtimes left."""
        until = time.monotonic() + _SETTLE
        held = self.held()
        while held.threads > self._at_rest and time.monotonic() < until:
            time.sleep(0.05)
            held = self.held()
        return held

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(60)

    def left(self) -> int | None:
        """The exit code after SHUTDOWN; None if Lambda's patience was over."""
        try:
            return self._process.wait(2.0 * 5)  # Lambda allows 2 s; this machine may be busy
        except subprocess.TimeoutExpired:
            return None

    def logged(self, may_skip: bool = True) -> tuple[Counter[str], list[str]]:
        """Injections by fault, and all log lines of trouble.

        `may_skip`: a fault that was not applied is no trouble.
        """
        injected: Counter[str] = Counter()
        other = [f"stderr: {line}" for line in self._err.read_text().splitlines()]
        with self._out.open() as lines:
            for line in lines:
                said = json.loads(line)
                if said["event"] == "fault_injected":
                    injected[said["fault"]] += 1
                elif said["level"] != "info" and not (
                    may_skip and said["event"] == "fault_not_applied"
                ):
                    other.append(line.strip())
        return injected, other
