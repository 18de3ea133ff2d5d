"""What an image needs of this machine: its Python and some programs, with their libraries.

A stand-in image is made of these because not every machine that runs the tests reaches an image
registry. They land where the official images have them, Python below /usr/local.
"""

from __future__ import annotations

import contextlib
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from faultlayer_cli.running.downloads import interpreter as interpreter_outside
from images.tree import Tree

PROGRAMS = ("sh", "bash", "cat", "chmod", "cp", "env", "id", "ls", "mkdir", "mv", "rm", "touch")
NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"
STDLIB = f"usr/local/{sys.platlibdir}/{NAME}"
_UNUSED = re.compile(
    r"__pycache__|tests?|idlelib|turtledemo|ensurepip|lib2to3|tkinter|pydoc_data|.+-packages"
    r"|config-.+|_tkinter.*|_test.*"
)
_SYSTEM = re.compile(r"^/(usr/)?(lib[^/]*/.*)$")


@cache
def python() -> Tree:
    """The interpreter outside our virtual environment and its standard library."""
    interpreter = interpreter_outside()
    stdlib = Path(sysconfig.get_path("stdlib"))
    files: Tree = {
        f"usr/local/bin/{NAME}": (0o755, interpreter),
        "usr/local/bin/python3": (0o777, NAME),
    }
    for folder, folders, names in os.walk(stdlib):
        folders[:] = [name for name in folders if not _UNUSED.fullmatch(name)]
        for file in (Path(folder, name) for name in names if not _UNUSED.fullmatch(name)):
            if file.is_file():
                files[f"{STDLIB}/{file.relative_to(stdlib)}"] = (0o644, file)
    return files | libraries([interpreter, *stdlib.glob("lib-dynload/*.so")])


@cache
def programs() -> Tree:
    """A shell and the few programs that builds and entrypoints call."""
    found = {name: shutil.which(name) for name in PROGRAMS}
    paths = {name: Path(path) for name, path in found.items() if path}
    files: Tree = {f"usr/bin/{name}": (0o755, path) for name, path in paths.items()}
    return files | libraries(paths.values())


def libraries(binaries: Iterable[Path]) -> Tree:
    """The shared libraries and the loader that these load, found as the loader finds them."""
    command = ["ldd", *map(str, binaries)]
    listed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    files: Tree = {}
    for path in sorted(set(re.findall(r"(/\S+) \(0x", listed))):
        system = _SYSTEM.match(path)
        # Below /usr/lib the loader looks anyway; the rest goes where LD_LIBRARY_PATH points.
        place = f"usr/{system[2]}" if system else f"usr/local/lib/{Path(path).name}"
        files[place] = (0o755, Path(path))
    return files


def compiled(files: Tree) -> Tree:
    """The same with every module compiled, so that containers start as fast as elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        return files | dict(_compile(files, Path(folder, "pyc")))


def _compile(files: Tree, work: Path) -> Iterator[tuple[str, tuple[int, bytes]]]:
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for path, (_, source) in files.items():
        if not path.endswith(".py") or not isinstance(source, Path):
            continue
        with contextlib.suppress(py_compile.PyCompileError):  # some are templates, not modules
            py_compile.compile(
                str(source), str(work), f"/{path}", doraise=True, invalidation_mode=unchecked
            )
            name = f"{Path(path).stem}.{sys.implementation.cache_tag}.pyc"
            yield str(Path(path).parent / "__pycache__" / name), (0o644, work.read_bytes())
