"""What a running environment consists of, as the machine around it sees that."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.running.emulator import Emulator

EXTENSION = b"from faultlayer.main import"


@dataclass(frozen=True)
class Footprint:
    """The processes and what they hold. `resident` is the extension's own memory, in KiB."""

    processes: int
    descriptors: int
    sockets: int
    unnamed: int  # open files without a name: space that is taken in secret
    threads: int
    resident: int
    files: frozenset[str]
    free: int  # bytes of /tmp


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{name}/stat").read_text()
        except OSError:
            continue
        found.setdefault(int(text.rpartition(") ")[2].split()[1]), []).append(int(name))
    return found


def _descendants(pid: int) -> list[int]:
    children = _children()
    found, left = [], [pid]
    while left:
        more = children.get(left.pop(), [])
        found += more
        left += more
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def taken(emulator: Emulator) -> Footprint:
    """The environment as it is now."""
    assert emulator._process is not None
    pids = _descendants(emulator._process.pid)
    (extension,) = [pid for pid in pids if EXTENSION in _command(pid)]
    home = Path(f"/proc/{extension}")
    status = dict(
        line.split(":", 1) for line in (home / "status").read_text().splitlines() if ":" in line
    )
    descriptors = list((home / "fd").iterdir())
    modes = [path.stat() for path in descriptors]
    tmp = os.statvfs(home / "root" / "tmp")
    return Footprint(
        processes=len(pids),
        descriptors=len(descriptors),
        sockets=sum(stat.S_ISSOCK(mode.st_mode) for mode in modes),
        unnamed=sum(stat.S_ISREG(mode.st_mode) and mode.st_nlink == 0 for mode in modes),
        threads=int(status["Threads"]),
        resident=int(status["VmRSS"].split()[0]),
        files=frozenset(os.listdir(home / "root" / "tmp")),
        free=tmp.f_bavail * tmp.f_frsize,
    )
