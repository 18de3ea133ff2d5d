"""Builds with other languages' tools: once on this machine, limited in time."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_TOLD = 40  # lines of a command that failed


class Unavailable(Exception):
    """A tool for the build is missing; the message names it."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the only right to build in this folder, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(
    command: Sequence[str],
    limit: float,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command of a build.

    Raises RuntimeError with its last lines if it fails.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=limit,
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_TOLD:])
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{last}")
