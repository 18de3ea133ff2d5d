"""Tells whether a layer is already what its inputs would make it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from layer.modules import package_files
from layer.tree import Recipe


def inputs(recipe: Recipe) -> str:
    """A digest of everything that the bytes of the layer depend on."""
    own = recipe.repository / "layer"
    files = [
        *(path for path in own.rglob("*.py") if "__pycache__" not in path.parts),
        *(recipe.extension / module for module in package_files(recipe.extension)),
        *recipe.parts().values(),
    ]
    packages = [asdict(package) for package in recipe.packages]
    settings = [recipe.target.target.arch, recipe.target.python, packages]
    named = [(str(path.relative_to(recipe.repository)), path) for path in files]
    return _digest([json.dumps(settings)], [*named, ("patchelf", recipe.patchelf)])


def outputs(tree: Path, archive: Path) -> str:
    """A digest of what lies in dist/, modes included, or of its absence."""
    paths = [path for path in tree.rglob("*") if path.is_file()]
    modes = [f"{path.relative_to(tree)} {path.stat().st_mode:o}" for path in sorted(paths)]
    named = [(str(path.relative_to(tree)), path) for path in paths]
    return _digest(modes, [*named, ("zip", archive)])


def _digest(lines: Sequence[str], files: Iterable[tuple[str, Path]]) -> str:
    total = hashlib.sha256("\n".join(lines).encode())
    for name, path in sorted(files):
        content = path.read_bytes() if path.is_file() else b""
        total.update(f"\n{name} {len(content)} {hashlib.sha256(content).hexdigest()}".encode())
    return total.hexdigest()
