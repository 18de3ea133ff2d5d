"""The wheel and the sdist, built by the environment's own pinned tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

LICENSES = "dist/x86_64/faultlayer/licenses"  # which hatch_build.py puts into the packages
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
    return int(_git(root, "log", "-1", "--format=%ct") or _FALLBACK)


def build(root: Path, target: Path, when: int) -> Sequence[Path]:
    """Write both into the folder `target`, in place of those of any version, and return them.

    What git does not track is left out. The wheel is built from the sdist, which proves that the
    sdist is complete.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packages-", dir=target) as work:
        source, out = Path(work) / "source", Path(work) / "packages"
        _export(root, source)
        command: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation"]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(when)}
        command += ["--outdir", out, source]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise ReleaseError(f"the packages were not built: {_reason(done.stdout, done.stderr)}")
        for old in [*target.glob("faultlayer-*.whl"), *target.glob("faultlayer-*.tar.gz")]:
            old.unlink()
        return sorted(path.rename(target / path.name) for path in out.iterdir())


def _export(root: Path, target: Path) -> None:
    """The tracked files, as they are now, and the built layers; all files if there is no git."""
    listed = _git(root, "ls-files", "-z").split("\0")
    names = [name for name in listed if name and (root / name).is_file()]
    if not names:
        shutil.copytree(root, target, ignore=shutil.ignore_patterns(".venv*", ".cache", "build"))
        return
    layers = [*root.glob("dist/*.zip"), *(root / LICENSES).rglob("*")]
    for path in [*(root / name for name in names), *(path for path in layers if path.is_file())]:
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def _git(root: Path, *arguments: str) -> str:
    """What git prints of this checkout; nothing if that is none, or git is missing."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _reason(*outputs: str) -> str:
    """The error that the build ended with: tracebacks end with it, and more lines follow."""
    lines = [line.strip() for output in outputs for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    return (errors or lines or ["it printed nothing"])[-1]
