"""The wheel and the sdist, built by the environment's own pinned tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_ERROR = re.compile(r"[A-Za-z_.]*(Error|Exception): ")
_FALLBACK = 1580601600  # 2020-02-02, as hatchling has it, if there is no commit to ask


class ReleaseError(Exception):
    """A step that failed; its text is the one line that the user sees."""


def epoch(root: Path) -> int:
    """The time of everything that is written: SOURCE_DATE_EPOCH, else of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given:
        if not (given.isascii() and given.isdigit()):
            raise ReleaseError("SOURCE_DATE_EPOCH is not a number; allowed: seconds since 1970")
        return int(given)
    command = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
    try:
        said = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    except OSError:
        said = ""
    return int(said) if said else _FALLBACK


def build(root: Path, target: Path, when: int) -> Sequence[Path]:
    """Write both into the folder `target`, in place of those of any version, and return them.

    The wheel is built from the sdist, which proves that the sdist is complete.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packages-", dir=target) as work:
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", work, str(root)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(when)}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise ReleaseError(f"the packages were not built: {_reason(done.stdout, done.stderr)}")
        for old in [*target.glob("faultlayer-*.whl"), *target.glob("faultlayer-*.tar.gz")]:
            old.unlink()
        return sorted(path.rename(target / path.name) for path in Path(work).iterdir())


def _reason(*outputs: str) -> str:
    """The error that the build ended with: tracebacks end with it, and more lines follow."""
    lines = [line.strip() for output in outputs for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    return (errors or lines or ["it printed nothing"])[-1]
