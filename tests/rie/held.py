"""A probe in Python or Node.js with a small /tmp of its own, and what runs in its sandbox."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import machine
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction
from rie.languages import EACH
from rie.support import Function
from runtimes import builds
from runtimes.languages import NODE

PROBE = Path(__file__).parent / "functions" / "probe"
MB = 1 << 20
STORAGE = 64  # MB of /tmp
HIT: dict[str, Any] = {"hit": True}
Run = Callable[..., "Held"]


class Held(Function):
    """The running probe. Every invocation with `hit` in its event is hit."""

    def ask(self, **event: Any) -> dict[str, Any]:
        """What the probe tells of itself when it is given this event."""
        answer = self.invoke(event)
        told: dict[str, Any] = answer.json()
        assert "pid" in told, f"{told} in\n{self.log}"
        return told

    def processes(self) -> dict[int, bytes]:
        """What runs in its sandbox, zombies not: process ids and command lines."""
        assert self.emulator._process is not None
        return descendants(self.emulator._process.pid)

    def burdens(self) -> list[int]:
        return [
            pid
            for pid, line in self.processes().items()
            if b"faultlayer.environment.load_process" in line
        ]

    @staticmethod
    def alive(pids: Iterable[int]) -> list[int]:
        """Those of them that still run."""
        return [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()]

    def extension(self) -> int:
        """The process id of the layer's own process."""
        found = self.processes().items()
        (pid,) = [
            pid
            for pid, line in found
            if b"faultlayer.main" in line or b"/opt/extensions/faultlayer" in line
        ]
        return pid

    def kill_extension(self) -> None:
        os.kill(self.extension(), signal.SIGKILL)

    def free(self) -> int:
        """Bytes that are free in its /tmp, seen from outside."""
        pid = next(pid for pid, line in self.processes().items() if b"aws-lambda-rie" in line)
        space = os.statvfs(f"/proc/{pid}/root/tmp")
        return space.f_bfree * space.f_frsize

    def injected(self) -> dict[str, dict[str, Any]]:
        """The lines of what was injected, by fault; one of each."""
        lines = self.lines("fault_injected")
        found = {line["fault"]: line for line in lines}
        assert len(found) == len(lines)
        return found


def descendants(root: int) -> dict[int, bytes]:
    parents, lines = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            lines[int(entry.name)] = (entry / "cmdline").read_bytes()
            parents[int(entry.name)] = int(fields[1]) if fields[0] != "Z" else 0
        except (OSError, IndexError, ValueError):
            continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: lines[pid] for pid in found if pid in lines}


def soon(condition: Callable[[], object], within: float = 20.0) -> bool:
    """Whether this becomes true within so many seconds."""
    until = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return bool(found)


def _node(folder: Path) -> dict[str, Any]:
    """A folder with the probe and the real client beside it."""
    try:
        built = builds.build(NODE, print)
    except builds.Unavailable as missing:
        machine.lacks(missing)
    shutil.copy(PROBE / "sandbox.mjs", folder)
    (folder / "node_modules").mkdir()
    shown = {"/var/task/node_modules": built / "node_modules"}
    return {"bootstrap": NODE.bootstrap, "shown": shown}


@pytest.fixture(params=EACH)
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """Start the probe with these variables; everything is stopped at the end of the test."""
    folder, place = PROBE, {}
    if request.param == "node":
        folder, place = tmp_path, _node(tmp_path)
    with ExitStack() as stack:

        def start(
            *, timeout: int = 10, memory: int = 256, storage: int | None = STORAGE, **variables: str
        ) -> Held:
            env = {"FAULTLAYER_MATCH": "hit", **variables}
            function = LocalFunction(folder, "sandbox.handler", env, timeout, memory, storage)
            return Held(stack.enter_context(Emulator(function, echo=False, **place)))

        yield start
