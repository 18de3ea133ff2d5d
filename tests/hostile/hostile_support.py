"""The extension as a process in surroundings of its own: started through a shell, or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import machine
from fakes.proxied import EXTENSION, Extension, stop
from fakes.runtime_api import RuntimeApi
from faultlayer_cli.running.emulator import Emulator

MAIN = (
    f"import sys; sys.path.insert(0, {str(EXTENSION)!r}); from faultlayer.main import main; main()"
)


def mounting() -> str:
    """The beginning of a shell's command that may mount what it alone sees."""
    options = "--mount --propagation private" if os.geteuid() == 0 else "-rm"
    command = f"{machine.program('unshare')} {options}"
    if subprocess.run([*command.split(), "true"], check=False, capture_output=True).returncode:
        machine.lacks("mount namespaces are not allowed here")
    return command


def descendants(pid: int) -> Iterator[int]:
    """The processes that this one started, and those that they did."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from descendants(child)


def extension_of(emulator: Emulator) -> int:
    """The process of the layer's extension under this emulator."""
    assert emulator._process is not None
    for pid in descendants(emulator._process.pid):
        if b"faultlayer.main" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("no extension runs")


class Surrounded(Extension):
    """The extension, started by a shell that first does this; `"$@"` is its command."""

    def __init__(self, api: RuntimeApi, folder: Path, shell: str, **variables: str) -> None:
        self.path = folder / "address"
        self._out = folder / "out"
        self._err = folder / "err"
        environ = {
            "AWS_LAMBDA_RUNTIME_API": api.host,
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
            "_FAULTLAYER_ADDRESS": str(self.path),
            "PATH": os.environ["PATH"],
        }
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                ["sh", "-c", shell, "sh", sys.executable, "-ISB", "-c", MAIN],
                env=environ | variables,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )


class Stopped:
    """A process that gets no time at all, as a frozen environment's does not."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __enter__(self) -> None:
        stop(self.pid)

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGCONT)


def _held(pid: int, group: Path) -> bool:
    """True if the process is in this group by its own account too: namespaces may hide that."""
    paths = [line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    root = group.parent
    return any(
        (root / path.strip("/")).exists() and (root / path.strip("/")).samefile(group)
        for path in paths
    )


@contextmanager
def memory_group(pid: int, size: int) -> Iterator[None]:
    """The process, held to so much more memory by a control group: beyond it the kernel kills."""
    root = Path("/sys/fs/cgroup")
    second = (root / "cgroup.controllers").exists()
    group = (root if second else root / "memory") / f"faultlayer-hostile-{pid}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group for memory can be made here: {error.strerror}")
    try:
        try:
            (group / ("memory.max" if second else "memory.limit_in_bytes")).write_text(str(size))
            (group / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            pytest.skip(f"no control group for memory can be made here: {error.strerror}")
        if not _held(pid, group):
            pytest.skip("a process cannot see the control group here that holds it")
        yield
    finally:
        (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()
