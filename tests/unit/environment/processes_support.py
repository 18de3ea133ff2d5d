"""Processes that were told an address, and what became of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.holding import introduced
from faultlayer.environment.processes import Runtime

ADDRESS = f"127.0.0.1:{40000 + os.getpid() % 20000}"
OTHER = "127.0.0.1:9"
VARIABLE = "AWS_LAMBDA_RUNTIME_API"
SLEEP = ["sleep", "60"]

Spawn = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a process with this address in its environment (None: with none at all)."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*command: str, address: str | None = ADDRESS, **more: Any) -> subprocess.Popen[bytes]:
        env = {"PATH": os.environ["PATH"], **({VARIABLE: address} if address else {})}
        process = subprocess.Popen(command or SLEEP, env=env, start_new_session=True, **more)
        started.append(process)
        introduced(process.pid)
        return process

    yield begin
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        if process.stdout:
            process.stdout.close()


def ours() -> Runtime:
    return Runtime(ADDRESS.encode())


def killed(process: subprocess.Popen[bytes]) -> bool:
    return process.wait(10) == -signal.SIGKILL


def alive(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def ids(process: subprocess.Popen[bytes], count: int) -> list[int]:
    """The process ids that it and its children have printed."""
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(count)]


def gone(pid: int) -> bool:
    """Whether this process has ended, within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
        except OSError:
            return True
        if state in (b"Z", b"X"):
            return True
        time.sleep(0.005)
    return False


def sleeping(pid: int) -> None:
    """Wait until this process runs its last program: between two it has no environment.

    The kernel names a program before it has one.
    """
    until = time.monotonic() + 10
    proc = Path(f"/proc/{pid}")
    while (proc / "comm").read_text() != "sleep\n" or not (proc / "environ").read_bytes():
        assert time.monotonic() < until
        time.sleep(0.001)
