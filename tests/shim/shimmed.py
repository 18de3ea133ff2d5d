"""Programs with the shim loaded, and the service that it asks, in this process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
LIBRARY = ROOT / "shim" / "built" / f"{ARCH}.so"

needs_shim = pytest.mark.skipif(
    not ARCH or sys.platform != "linux", reason="the shim is made for Linux, x86_64 and arm64"
)


def environment(name: str, **more: str) -> dict[str, str]:
    """The environment of a program whose shim asks the socket of this name."""
    return {**os.environ, "LD_PRELOAD": str(LIBRARY), "_FAULTLAYER_SHIM": name, **more}


def run(name: str, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the shim; its output."""
    return subprocess.run(
        [str(part) for part in command],
        env=environment(name, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(name: str, code: str, *arguments: object, **more: str) -> str:
    """The output of Python code with the shim; it must succeed."""
    done = run(name, sys.executable, "-c", code, *map(str, arguments), **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
