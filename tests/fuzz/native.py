"""Fuzz targets in C, under the sanitizers, compiled here.

With clang they are guided by libFuzzer. Without it they bring a generator of inputs of their own,
which needs only gcc.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "fuzz" / "native" / "shim.c"
_FLAGS = ("-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-fno-sanitize-recover=all")
_GUIDED = "-fsanitize=fuzzer,address,undefined"
_OWN = ("-fsanitize=address,undefined", "-DOWN_MAIN", "-Wno-builtin-declaration-mismatch")
_LONGEST = 20  # seconds for one input


class MissingError(Exception):
    """No compiler here has the sanitizers."""


class FailedError(Exception):
    """An input that ends the target with a defect."""


def shim(data: bytes) -> None:
    """The shim with any kernel and any extension."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [program(guided=False), "-artifact_prefix=/dev/null/", file.name]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_LONGEST, check=False
        )
    if done.returncode:
        raise FailedError(done.stderr)


def program(*, guided: bool) -> Path:
    """The compiled target.

    libFuzzer guides it if that is wanted and clang is here.
    """
    compilers = ["cc"] if not guided else ["clang", "clang-14", "clang-16", "clang-19", "cc"]
    why = "cc is missing (Debian: apt-get install gcc libc6-dev)"
    for compiler in compilers:
        found = shutil.which(compiler)
        if found is None:
            continue
        options = [*_FLAGS, *(_OWN if compiler == "cc" else [_GUIDED])]
        target = ROOT / "build" / "fuzz" / "native" / f"shim-{_digest(options)}"
        if target.is_file():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        done = subprocess.run(
            [found, *options, "-o", str(fresh), str(SOURCE)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if not done.returncode:
            fresh.rename(target)
            return target
        why = done.stderr
    raise MissingError(why)


def _digest(options: list[str]) -> str:
    total = hashlib.sha256(" ".join(options).encode())
    for path in (SOURCE, *sorted((ROOT / "shim").glob("*.[ch]"))):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


# By name: what an input is tried with, and what the driver starts to find inputs.
PROGRAMS = {"shim": program}
