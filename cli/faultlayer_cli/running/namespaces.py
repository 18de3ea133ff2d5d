"""A command in a root file system of its own, without Docker and without root: Linux namespaces.

    setpriv          ends it if we die
      unshare        namespaces for mounts, processes and IPC; a user's own if we are not root
        new_root.py  the new root: read-only but for the command's own /tmp
          command    without capabilities, and with no way to get any

The command can write to its /tmp and nowhere else, cannot see or end the host's processes, and
nothing that it started outlives it. It shares the host's network: functions call services there.
Binding: user_namespaces(7), unshare(1), setpriv(1).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.errors import Failure

NEW_ROOT = Path(__file__).resolve().with_name("new_root.py")
_PROBE = "mount -t tmpfs faultlayer /tmp"
_PROCESSES = ("--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
_SETTINGS = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "1"),
    ("/proc/sys/user/max_user_namespaces", "0", "10000"),
)


def unshare_command() -> list[str]:
    """The `unshare` command that works on this machine. Raises Failure with advice if none does.

    It has a namespace for processes, so that killing its first process ends all of them. In a
    container that hides parts of /proc that is refused; there the emulator ends its processes.
    """
    missing = [tool for tool in ("unshare", "setpriv", "mount") if not shutil.which(tool)]
    if missing:
        raise Failure(f"{missing[0]} is missing: install util-linux (Debian: mount, util-linux)")
    as_root = ["unshare", "--mount", "--propagation", "private"]
    as_user = [*as_root, "--map-root-user"]
    for plain in [as_root, as_user] if os.geteuid() == 0 else [as_user]:
        for command in ([*plain, *_PROCESSES], plain):
            if _works(command):
                return command
    raise Failure(_refusal())


def hides_processes() -> bool:
    """True if a command in a box has a namespace of its own for processes."""
    return "--pid" in unshare_command()


def _works(command: Sequence[str]) -> bool:
    probe = [*command, "sh", "-c", _PROBE]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def _refusal() -> str:
    """The reason why namespaces are refused, by the kernel's settings, and the remedy."""
    if os.geteuid() == 0:
        return (
            "root may not mount here, as in a container without rights: run it on the machine "
            "itself, or start the container with --privileged"
        )
    advice = "run as root, or in Docker (docker run --privileged)"
    for path, refusing, allowing in _SETTINGS:
        try:
            found = Path(path).read_text().strip()
        except OSError:
            continue
        if found == refusing:
            name = path.removeprefix("/proc/sys/").replace("/", ".")
            return (
                f"user namespaces are not allowed here ({name}={found}): "
                f"{advice}, or allow them (sudo sysctl {name}={allowing})"
            )
    return f"user namespaces are not allowed here: {advice}"


@dataclass(frozen=True)
class Box:
    """The parts of the host that a command sees beside its programs, and its place to write.

    `shown` maps paths as the command sees them to the host's: each is read-only. `hidden` are
    folders that look empty. /tmp is `storage` MB of memory or, without that, the folder `tmp`.
    `root` is any empty folder of the host. `folder` is where the command starts.
    """

    root: Path
    shown: Mapping[str, Path]
    tmp: Path
    folder: str
    hidden: Sequence[str] = ()
    storage: int | None = None
    # Root that reads what belongs to others is what `sudo faultlayer local` is given. It is no way
    # to write: all mounts are read-only, and nothing can change that.
    capabilities: Sequence[str] = ("dac_override",)

    def command(self, program: Sequence[str]) -> list[str]:
        """The command that runs the program in this box until it, or we, die."""
        specification = {
            "root": str(self.root),
            "shown": [[str(source), path] for path, source in self.shown.items()],
            "hidden": list(self.hidden),
            "tmp": str(self.tmp),
            "storage": self.storage,
            "folder": self.folder,
            "capabilities": list(self.capabilities),
        }
        with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
        inside = [sys.executable, "-I", "-S", str(NEW_ROOT), json.dumps(specification)]
        return [*with_us, *unshare_command(), "--", *inside, *program]
