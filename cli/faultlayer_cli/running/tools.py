"""Programs of this machine for a runtime: found, and their version read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.running.local_function import Runtime

_LONGEST = 300
_PATIENCE = 30  # seconds for an answer that takes none


def require(tools: Mapping[str, str], runtime: Runtime) -> None:
    """Raise Failure if one of these is missing; each is given with its package in Debian."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        names = ", ".join(missing[:-1]) + " and " * (len(missing) > 1) + missing[-1]
        verb = "are" if len(missing) > 1 else "is"
        packages = " ".join(dict.fromkeys(tools[tool] for tool in missing))
        raise Failure(
            f"{names} {verb} missing, which functions in {runtime.title} need here: install "
            f"{'them' if len(missing) > 1 else 'it'} (Debian: apt-get install {packages}), or use "
            f"a container: --image {runtime.image}"
        )


def fetch(
    command: Sequence[str], folder: Path, runtime: Runtime, env: Mapping[str, str] | None = None
) -> None:
    """Download a runtime client with a tool.

    Raises Failure with the tool's reason.
    """
    done = _run(command, folder, env)
    if done.returncode:
        raise failed(command[0], done.stdout + done.stderr, runtime)


def failed(tool: str, output: str, runtime: Runtime) -> Failure:
    """The failure of a tool that was to fetch a runtime client, with its own reason."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines or ["it said nothing"]
    return Failure(
        f"could not fetch the client for {runtime.title} with {tool}: {errors[0][:_LONGEST]}; "
        f"a container needs none of that: --image {runtime.image}"
    )


def asked(program: Path, question: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program that answers at once.

    Raises Failure if the program does not end by itself.
    """
    try:
        return _run([str(program), *question], limit=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise Failure(
            f"{program} {question[0]} did not end within {_PATIENCE} s: is it a script that waits?"
        ) from None


def _run(
    command: Sequence[str],
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program without input; return its output, in any encoding."""
    return subprocess.run(
        command,
        cwd=folder,
        env=env,
        timeout=limit,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
