"""C programs and libraries for the tests, of both C libraries."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent
COMPILERS = {"glibc": ("cc", "gcc libc6-dev"), "musl": ("musl-gcc", "musl-tools")}


def build(c_library: str, target: Path, *sources: Path, options: tuple[str, ...] = ()) -> Path:
    """Compile the sources against glibc or musl.

    Skips the test if the compiler is missing.
    """
    compiler = machine.program(*COMPILERS[c_library])
    warnings = ("-Wall", "-Wextra", "-Werror")
    return compile_with([compiler, *warnings, *options], target, *sources, limit=60)


def compile_with(command: Sequence[str], target: Path, *sources: Path, limit: float) -> Path:
    """Compile the sources with this compiler and options, in limited time (seconds)."""
    done = subprocess.run(
        [*command, "-O1", "-o", str(target), *map(str, sources), "-pthread"],
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target
