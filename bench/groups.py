"""Control groups with a share of a core, for Lambda's little memory.

cgroups(7), version 1 or 2, whichever this machine has. A group is removed after use. The period is
20 ms: with the usual 100 ms, all of a start would fit into one quota, and nothing would be slowed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.process import BenchError

_PERIOD_US = 20_000
_ROOT = Path("/sys/fs/cgroup")


def _write(values: dict[Path, str]) -> None:
    for path, value in values.items():
        path.write_text(value)


def _settings(group: Path, quota_us: int) -> dict[Path, str]:
    if (_ROOT / "cgroup.controllers").exists():
        return {group / "cpu.max": f"{quota_us} {_PERIOD_US}"}
    return {
        group / "cpu.cfs_period_us": str(_PERIOD_US),
        group / "cpu.cfs_quota_us": str(quota_us),
    }


def _parent() -> Path:
    if not (_ROOT / "cgroup.controllers").exists():
        return _ROOT / "cpu"
    control = _ROOT / "cgroup.subtree_control"
    if "cpu" not in control.read_text().split():
        control.write_text("+cpu")
    return _ROOT


def _empty(group: Path) -> None:
    """End the group's processes: only an empty group can be removed."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        left = (group / "cgroup.procs").read_text().split()
        if not left:
            break
        for pid in left:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


@contextmanager
def one_of(share: int) -> Iterator[str]:
    """A file: a process that writes "0" to it joins the group.

    The group has the time of one core, divided by `share`. Raises BenchError if no such group can
    be made.
    """
    group = _parent_or_reason() / f"faultlayer-bench-{os.getpid()}"
    try:
        group.mkdir()
        _write(_settings(group, _PERIOD_US // share))
    except OSError as error:
        if group.exists():
            group.rmdir()
        raise BenchError(f"no control group for CPU time: {error}") from None
    try:
        yield str(group / "cgroup.procs")
    finally:
        _empty(group)
        group.rmdir()


def _parent_or_reason() -> Path:
    try:
        parent = _parent()
    except OSError as error:
        raise BenchError(f"no control group for CPU time: {error}") from None
    if not parent.is_dir():
        raise BenchError(f"no control group for CPU time: {parent} is not there")
    return parent
