"""A command with the layer at /opt, without Docker and without root: Linux namespaces.

It promises that /opt and /tmp change for that command alone, and that nothing the command started
outlives it. Binding: user_namespaces(7), unshare(1), setpriv(1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from faultlayer_cli.errors import Failure

SCRIPT = Path(__file__).resolve().parents[1] / "data" / "sandbox.sh"
_PROBE = "mount -t tmpfs faultlayer /opt"
_PROCESSES = ("--pid", "--fork", "--kill-child", "--mount-proc")
_SETTINGS = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "1"),
    ("/proc/sys/user/max_user_namespaces", "0", "10000"),
)


def unshare_command() -> list[str]:
    """The `unshare` command that works on this machine; Failure says what to do where none does.

    With a namespace for processes, so that killing its first one ends all of them. A container
    that hides parts of /proc refuses that one; there the emulator ends what it started.
    """
    if not Path("/opt").is_dir():
        raise Failure("this machine has no /opt to mount the layer on: create it (mkdir /opt)")
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


def _works(command: Sequence[str]) -> bool:
    probe = [*command, "sh", "-c", _PROBE]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def _refusal() -> str:
    """Why namespaces are refused, as far as the kernel's settings tell, and what to do."""
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


def command(
    program: Sequence[str],
    *,
    layer: Path,
    tmp: Path,
    folder: Path,
    needed: Sequence[Path],
    storage: int | None = None,
) -> list[str]:
    """The command that runs the program in the folder until it, or we, die.

    It sees the layer at /opt and the folder `tmp` at /tmp, or `storage` MB of memory.
    `needed` are the paths that must stay visible: what the host has beside them at the top of /tmp
    stays visible too.
    """
    shadowed = {"extensions", *(entry.name for entry in layer.iterdir())}
    kept = set()
    for path in (folder, *needed):
        top = path.parts[1:3]
        if path == Path("/tmp") or (top[:1] == ("opt",) and top[1:2] and top[1] in shadowed):
            raise Failure(f"{path} cannot be seen where the layer is mounted: use a copy elsewhere")
        if top[:1] == ("tmp",):
            kept.add(top[1])
    with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
    places = [str(layer), str(tmp), str(storage or ""), str(folder)]
    script = ["sh", str(SCRIPT), *places, *sorted(kept), "--"]
    return [*with_us, *unshare_command(), "--", *script, *program]
