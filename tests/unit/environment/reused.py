"""reused.py EXTENSION ADDRESS STAGE: the runtime's id goes to another process in this very moment.

Run as the first process of a process namespace of its own, where the next id can be chosen; what
comes of it is printed.
"""

from __future__ import annotations

import posix
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])
from faultlayer.environment import processes

ADDRESS, STAGE = sys.argv[2:]
runtime = subprocess.Popen(["sleep", "60"], env={"AWS_LAMBDA_RUNTIME_API": ADDRESS})
owners: list[subprocess.Popen[bytes]] = []


def reuse() -> None:
    """End the runtime, and start another process under its id."""
    if owners:
        return
    runtime.kill()
    runtime.wait()
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(runtime.pid - 1))
    owners.append(subprocess.Popen(["sleep", "60"], env={"AWS_LAMBDA_RUNTIME_API": "another"}))
    assert owners[0].pid == runtime.pid


def first(function: Any) -> Any:
    """The same, after that."""

    def later(*arguments: Any) -> Any:
        reuse()
        return function(*arguments)

    return later


# A process's environment is there when it runs its program.
while ADDRESS.encode() not in Path(f"/proc/{runtime.pid}/environ").read_bytes():
    time.sleep(0.001)
found = processes.Runtime(ADDRESS.encode())
assert found.find() == [runtime.pid]
if STAGE == "look":
    posix.pidfd_open = first(posix.pidfd_open)
elif STAGE == "open":
    opened = posix.pidfd_open

    def then(pid: int) -> int:
        fd = opened(pid)
        reuse()
        return fd

    posix.pidfd_open = then
else:
    processes.pidfd_send_signal = first(processes.pidfd_send_signal)
killed = found.kill()
time.sleep(0.05)
assert owners, "nothing is proven by this"
state = "alive" if owners[0].poll() is None else "dead"
print(f"reused: killed {killed}, the new owner is {state}")
