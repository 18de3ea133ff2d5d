"""A file tree in memory, on its way into an image; the same bytes for the same files."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

Source = bytes | Path | str  # content, a file that has it, or what a symbolic link points at
Tree = dict[str, tuple[int, Source]]  # path without a leading slash -> mode and source


def folder(path: Path, under: str = "") -> Tree:
    """The files below a folder with their modes; what Python compiled on the way is left out."""
    return {
        str(Path(under, file.relative_to(path))): (file.stat().st_mode & 0o777, file)
        for file in sorted(path.rglob("*"))
        if file.is_file() and "__pycache__" not in file.relative_to(path).parts
    }


def digest(files: Mapping[str, tuple[int, Source]], *more: str) -> str:
    """A name for exactly these files."""
    whole = hashlib.sha256(repr(more).encode())
    for path, (mode, source) in sorted(files.items()):
        link = source if isinstance(source, str) else ""
        content = "" if isinstance(source, str) else hashlib.sha256(_bytes(source)).hexdigest()
        whole.update(f"{path}\0{mode:o}\0{link}\0{content}\n".encode())
    return whole.hexdigest()[:16]


def pack(files: Mapping[str, tuple[int, Source]], into: IO[bytes]) -> None:
    """Writes them as a tar, everything root's; a path that ends in a slash is a folder."""
    with tarfile.open(fileobj=into, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, (mode, source) in sorted(files.items()):
            entry = tarfile.TarInfo(path.rstrip("/"))
            entry.mode = mode
            if isinstance(source, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, source
                archive.addfile(entry)
            elif path.endswith("/"):
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                content = _bytes(source)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


def _bytes(source: bytes | Path) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()
