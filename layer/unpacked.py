"""An unpacked Debian CPython: where its parts are, and how to run it where it lies."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layer.report import BuildError, run

INSIDE = Path(__file__).parent / "inside"


@dataclass(frozen=True)
class Target:
    arch: str  # as Lambda calls it
    triplet: str
    loader: str


TARGETS = {
    "x86_64": Target("x86_64", "x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "arm64": Target("arm64", "aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
}


def native() -> str:
    """The architecture of this machine: its interpreter does the work for the other one too."""
    machine = platform.machine()
    arch = {"amd64": "x86_64", "aarch64": "arm64"}.get(machine.lower(), machine)
    if arch not in TARGETS:
        raise BuildError(f"cannot build on {machine}; use x86_64 or arm64")
    return arch


@dataclass(frozen=True)
class Unpacked:
    root: Path
    target: Target
    python: str  # the minor version, such as 3.11

    @property
    def executable(self) -> Path:
        return self.root / "usr" / "bin" / f"python{self.python}"

    @property
    def stdlib(self) -> Path:
        return self.root / "usr" / "lib" / f"python{self.python}"

    @property
    def library_folders(self) -> list[Path]:
        return [self.root / lib / self.target.triplet for lib in ("lib", "usr/lib")]

    def library(self, soname: str) -> Path | None:
        found = (folder / soname for folder in self.library_folders)
        return next((path.resolve() for path in found if path.exists()), None)

    def run(self, script: str, what: str, arguments: Sequence[str | Path], stdin: str = "") -> str:
        """Runs a script of layer/inside, with nothing of this machine's Python in its way."""
        loader = self.library(self.target.loader)
        if loader is None:
            raise BuildError(f"the packages hold no {self.target.loader}")
        folders = ":".join(str(folder) for folder in self.library_folders)
        command = [
            loader, "--inhibit-cache", "--library-path", folders,
            self.executable, "-sSB", INSIDE / script, *arguments,
        ]  # fmt: skip
        # A fixed hash seed keeps sets, and so the bytecode, in one order.
        return run(command, what, env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}, stdin=stdin)
