"""Links in a function's folder that lead out of it: the function does not see their targets.

They are never followed. Else the author of a link (an installed package) would choose the parts of
the host that a function sees.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

_ENVIRONMENT = "pyvenv.cfg"  # a virtual environment has such links, and no function needs them


def leads_out(name: str, text: str) -> bool:
    """True if the link of this name, relative to the folder, has a relative text that leaves it."""
    if posixpath.isabs(text):
        return False
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), text))
    return path == ".." or path.startswith("../")


def leading_out(folder: Path) -> list[str]:
    """The links in the folder that a function cannot follow, each with its target."""
    return sorted(_walk(folder, ""))


def _walk(folder: Path, below: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder / below))
    except OSError:
        return
    if any(entry.name == _ENVIRONMENT for entry in entries):
        return
    for entry in entries:
        name = posixpath.join(below, entry.name)
        if entry.is_symlink():
            text = str(Path(entry.path).readlink())
            if leads_out(name, text) or _is_host_path(text):
                yield f"{name} -> {text}"
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, name)


def _is_host_path(text: str) -> bool:
    """True for an absolute path to a place on the host that no function sees."""
    seen = ("/usr/", "/bin/", "/lib/", "/lib64/", "/etc/", "/opt/", "/var/task/", "/tmp/", "/dev/")
    return posixpath.isabs(text) and not text.startswith(seen) and os.path.lexists(text)
