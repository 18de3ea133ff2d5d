"""The Pythons of this machine that the command promises to run on.

    python tests/pythons.py          a line each: version and path
    python tests/pythons.py others   the oldest and the newest, but the one that runs this

Looks for python3.N on PATH and in pyenv's folder, and takes what can make a virtual environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

OLDEST = 10  # of Python 3, as pyproject.toml requires
_MANY = 40
_PROBE = "import ensurepip, sys, venv; print(*sys.version_info[:4], sys.executable)"


def candidates() -> Mapping[int, Sequence[Path]]:
    """Minor version -> the paths that may be such a Python. Starts none, so it is quick."""
    known = defaultdict(list)
    for minor, path in _paths():
        if minor >= OLDEST:
            known[minor].append(path)
    return dict(sorted(known.items()))


def working(minor: int, paths: Sequence[Path]) -> Path | None:
    """The first of these that is a released Python 3.minor and can make environments."""
    for path in paths:
        command = [path, "-I", "-c", _PROBE]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        *version, executable = done.stdout.strip().split(maxsplit=4) or [""]
        if version[:2] == ["3", str(minor)] and version[3:] == ["final"]:
            return Path(executable)
    return None


def found() -> Mapping[int, Path]:
    """Minor version -> its Python, the oldest first."""
    each = {minor: working(minor, paths) for minor, paths in candidates().items()}
    return {minor: path for minor, path in each.items() if path}


def _paths() -> Iterator[tuple[int, Path]]:
    for minor in range(OLDEST, _MANY):
        on_path = shutil.which(f"python3.{minor}")
        if on_path:
            yield minor, Path(on_path)
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for path in sorted(versions.glob("3.*/bin/python3"), reverse=True):
        release = re.match(r"3\.(\d+)", path.parts[-3])
        if release:
            yield int(release[1]), path
    minor = sys.version_info.minor
    yield minor, Path(sys.base_prefix) / "bin" / f"python3.{minor}"


def main(arguments: Sequence[str]) -> None:
    pythons = found()
    wanted = set(pythons)
    if list(arguments) == ["others"]:
        wanted = {min(wanted), max(wanted)} - {sys.version_info.minor}
        if not wanted:
            print("no older or newer Python is here than the one of make test", file=sys.stderr)
    for minor in sorted(wanted):
        print(f"3.{minor}", pythons[minor])


if __name__ == "__main__":
    main(sys.argv[1:])
