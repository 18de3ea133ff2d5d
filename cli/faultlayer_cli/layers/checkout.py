"""The checkout this command runs from, if it does, and the layer that is built there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT, Progress

_SOURCES = ("build.sh", "extension/faultlayer", "layer", "wrapper")


def root() -> Path | None:
    """The checkout; None if the command is installed from a package."""
    candidate = Path(__file__).resolve().parents[3]
    if all((candidate / source).exists() for source in _SOURCES):
        return candidate
    return None


def _root() -> Path:
    base = root()
    if base is None:
        raise Failure("this command runs from an installed package, not from a checkout")
    return base


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _up_to_date(base: Path, arch: str) -> bool:
    """True if the last build is younger than everything it was made of."""
    try:
        built = (base / "build" / f"{arch}.json").stat().st_mtime
    except OSError:
        return False
    if not (base / "dist" / arch / "extensions").is_dir():
        return False
    newest = max(file.stat().st_mtime for source in _SOURCES for file in _files(base / source))
    return newest < built


def layer(arch: str, progress: Progress = SILENT) -> Path:
    """The layer's tree, built first if it is missing or older than its sources."""
    base = _root()
    return _built(base, arch, base / "dist" / arch, progress)


def layer_zip(arch: str, progress: Progress = SILENT) -> Path:
    """The layer's zip, built like its tree."""
    base = _root()
    return _built(base, arch, base / "dist" / f"faultlayer-{arch}.zip", progress)


def _built(base: Path, arch: str, wanted: Path, progress: Progress) -> Path:
    if not (wanted.exists() and _up_to_date(base, arch)):
        _build(base, arch, progress)
    return wanted


def _build(base: Path, arch: str, progress: Progress) -> None:
    """Run build.sh; its lines are notes. Raises Failure with the last of them."""
    last = ""
    with subprocess.Popen(
        [base / "build.sh", arch],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = line.strip() or last
            progress.note(line.rstrip())
    if process.returncode:
        raise Failure(f"building the layer failed: {last or 'it printed nothing'}")
