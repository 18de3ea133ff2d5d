"""SHA-256 sums, as `sha256sum --check` reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

NAME = "SHA256SUMS"


def write(folder: Path, files: Iterable[Path]) -> Path:
    """The sums of these files of the folder, sorted by name."""
    target = folder / NAME
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(files, key=lambda path: path.name)
    ]
    target.write_text("".join(lines), encoding="utf-8")
    return target
