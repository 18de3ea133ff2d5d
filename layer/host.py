"""Which interpreter this machine's distribution gives us, or a container that has one.

The layer's minor version of Python follows the build host's distribution (docs/security.md
says how it is built). A host that is none of them builds inside a Debian container.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layer.report import BuildError, say

IMAGE = "debian:12"
KEYRINGS = Path("/usr/share/keyrings")


@dataclass(frozen=True)
class Distribution:
    origin: str  # as its signed Release files call it, so that no third party's package gets in
    codename: str
    python: str

    @property
    def keyring(self) -> Path:
        """The keys that the distribution itself signs its package lists with."""
        name = f"{self.origin.lower()}-archive-keyring"
        found = [KEYRINGS / f"{name}.{kind}" for kind in ("gpg", "pgp")]
        for path in found:
            if path.is_file():
                return path
        raise BuildError(f"{found[0]} is missing (apt-get install {name})")

    def __str__(self) -> str:
        return f"{self.origin} {self.codename}"

    @property
    def packages(self) -> tuple[str, ...]:
        version = self.python
        return (
            f"python{version}-minimal",
            f"libpython{version}-minimal",
            f"libpython{version}-stdlib",
            "libc6",
            "libexpat1",
            "zlib1g",
        )


KNOWN = {
    ("debian", "12"): Distribution("Debian", "bookworm", "3.11"),
    ("debian", "13"): Distribution("Debian", "trixie", "3.13"),
    ("ubuntu", "24.04"): Distribution("Ubuntu", "noble", "3.12"),
}


def distribution(release: Mapping[str, str] | None = None) -> Distribution | None:
    """What this machine is, if it can build the layer itself."""
    if release is None:
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            return None
    return KNOWN.get((release.get("ID", ""), release.get("VERSION_ID", "")))


def missing_tools() -> list[str]:
    return [tool for tool in ("apt-get", "dpkg-deb") if not shutil.which(tool)]


def container_command(root: Path, arguments: Sequence[str], owner: str) -> list[str]:
    """The same build in a Debian container; what it writes stays the caller's own."""
    inside = (
        "apt-get -qq update && apt-get -qq install -y python3 python3-venv >/dev/null || exit 1; "
        'PYTHONPATH=/src python3 -B -m layer "$@"; code=$?; '
        f"chown -R {owner} /src/dist /src/build /src/.cache 2>/dev/null; exit $code"
    )
    return [
        # SELinux would keep the container from the checkout; turned off for this one run, so that
        # the checkout need not be relabelled.
        "docker", "run", "--rm", "--security-opt", "label=disable",
        "-v", f"{root}:/src", "-w", "/src", IMAGE,
        "sh", "-c", inside, "build.sh", *arguments,
    ]  # fmt: skip


def build_in_container(root: Path, arguments: Sequence[str]) -> int:
    if not _docker_runs():
        raise BuildError(
            "building needs Debian 12, Debian 13 or Ubuntu 24.04 with apt-get and dpkg-deb, "
            f"or a running docker (for an image {IMAGE})"
        )
    say(f"this machine's distribution has no recipe; building in a {IMAGE} container")
    command = container_command(root, arguments, f"{os.getuid()}:{os.getgid()}")
    return subprocess.run(command, check=False).returncode


def _docker_runs() -> bool:
    if not shutil.which("docker"):
        return False
    return not subprocess.run(["docker", "info"], check=False, capture_output=True).returncode
