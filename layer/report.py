"""What a build says: progress on standard error, and one line for whatever went wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


class BuildError(Exception):
    """Something the user can act on; its text is the one line they see."""


def say(line: str) -> None:
    print(f"layer: {line}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    what: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> str:
    """The command's standard output; on failure, `what` and the last thing it complained of."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            check=False,
            cwd=cwd,
            env=env,
            input=stdin,
            text=True,
            capture_output=True,
        )
    except OSError as error:
        raise BuildError(f"{what}: {error}") from error
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise BuildError(f"{what}: {said[-1] if said else f'exit status {done.returncode}'}")
    return done.stdout
