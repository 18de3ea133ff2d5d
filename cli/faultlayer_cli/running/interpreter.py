"""The Python that runs functions: its place on the host, and the one that a function sees.

A function sees the machine's own Python in its place, below /usr, and any other one at /var/lang,
as in Lambda. It never sees the packages that are installed for it, which Lambda does not have.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import downloads
from faultlayer_cli.running.tools import asked

LANG = "/var/lang"
_IN_PLACE = ("/usr", "/nix", "/gnu")  # which every function sees
# Its programs and libraries name each other by this path, so it works nowhere else.
_HOMEBREW = Path("/home/linuxbrew/.linuxbrew")


@dataclass(frozen=True)
class Interpreter:
    """`path`: as a function sees it; `shown`: its files on the host; `packages`: those hidden."""

    path: str
    shown: Mapping[str, Path]
    packages: Sequence[str]
    variables: Mapping[str, str]


@functools.cache
def found() -> Interpreter:
    host = downloads.interpreter()
    real, prefix = host.resolve(), Path(sys.base_prefix).resolve()
    path, shown = seen(real, prefix)
    if LANG not in shown:
        return Interpreter(path, shown, [str(package) for package in _packages(host)], {})
    packages = [
        f"{LANG}/{path.relative_to(prefix)}"
        for path in _packages(host)
        if path.is_relative_to(prefix)
    ]
    shared = any((prefix / "lib").glob("libpython*.so*"))
    variables = {"LD_LIBRARY_PATH": f"{LANG}/lib"} if shared else {}
    return Interpreter(path, shown, packages, variables)


def seen(program: Path, prefix: Path) -> tuple[str, dict[str, Path]]:
    """A program's path as the function sees it, with its files.

    `prefix` is the folder that the program was installed to, with all that it needs.
    """
    if any(program.is_relative_to(top) for top in _IN_PLACE):
        return str(program), {}
    if program.is_relative_to(_HOMEBREW):
        return str(program), {str(_HOMEBREW): _HOMEBREW}
    if not program.is_relative_to(prefix):
        raise Failure(f"the interpreter {program} is not below its own prefix {prefix}")
    return f"{LANG}/{program.relative_to(prefix)}", {LANG: prefix}


def _packages(interpreter: Path) -> list[Path]:
    """The folders of installed packages, for which this interpreter itself is asked."""
    question = "import json, site; print(json.dumps(site.getsitepackages()))"
    done = asked(interpreter, ["-I", "-c", question])
    if done.returncode:
        raise Failure(f"{interpreter} does not start: {done.stderr.strip()[:300]}")
    return [Path(path).resolve() for path in json.loads(done.stdout)]
