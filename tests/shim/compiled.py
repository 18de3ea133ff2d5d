"""C programs and libraries for the tests, of both C libraries."""

from __future__ import annotations

import subprocess
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent
COMPILERS = {"glibc": ("cc", "gcc libc6-dev"), "musl": ("musl-gcc", "musl-tools")}


def build(c_library: str, target: Path, *sources: Path, options: tuple[str, ...] = ()) -> Path:
    """Compile the sources against glibc or musl.

    Skips the test if the compiler is missing.
    """
    compiler = machine.program(*COMPILERS[c_library])
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", *options, "-o", str(target)]
    done = subprocess.run(
        [*command, *map(str, sources), "-pthread"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target
