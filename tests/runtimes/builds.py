"""Builds the examples with their languages' own tools, once for each state of the sources.

It promises that a folder in the cache is complete or absent, and that two runs at once build once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from building import Unavailable, alone, run
from runtimes.languages import ROOT, Language, node_headers

CACHE = ROOT / ".cache" / "runtimes"
_LIMIT = 900  # seconds for one command of a build
_MADE = ("target", "node_modules", "__pycache__", "main", "rust-probe")  # by hand, in examples/


def toolchain(language: Language) -> str:
    """The toolchain's version; Unavailable where it is missing or too old."""
    for tool, package in language.tools.items():
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is missing (Debian: apt-get install {package})")
    said = subprocess.run(language.version, check=True, capture_output=True, text=True)
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    version = found[0] if found else "0"
    if tuple(map(int, version.split("."))) < language.oldest:
        oldest = ".".join(map(str, language.oldest))
        raise Unavailable(f"{language.version[0]} {version} is older than {oldest}")
    return version


def build(language: Language, say: Callable[[str], None]) -> Path:
    """The folder to run the example from, built first where it is not in the cache."""
    version = toolchain(language)
    home = CACHE / language.name
    final = home / _fingerprint(language, version)
    with alone(home):
        if not final.is_dir():
            say(f"building the {language.title} example with {version}: minutes, once")
            began = time.monotonic()
            _make(language, home, final)
            say(f"built the {language.title} example in {time.monotonic() - began:.0f} s")
    return final


def _source_files(language: Language) -> list[Path]:
    files = (path for path in language.sources.rglob("*") if path.is_file())
    relative = (path.relative_to(language.sources) for path in files)
    return sorted(path for path in relative if path.parts[0] not in _MADE)


def _fingerprint(language: Language, version: str) -> str:
    digest = hashlib.sha256(repr((version, language.build, language.kept)).encode())
    for path in _source_files(language):
        digest.update(f"\0{path}\0".encode() + (language.sources / path).read_bytes())
    return digest.hexdigest()[:16]


def _make(language: Language, home: Path, final: Path) -> None:
    env = {**os.environ, **language.env}
    if headers := node_headers(Path(shutil.which("node") or "/")):
        env["npm_config_nodedir"] = headers
    with tempfile.TemporaryDirectory(prefix=".building-", dir=home) as folder:
        work, result = Path(folder) / "work", Path(folder) / "result"
        for path in _source_files(language):
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(language.sources / path, work / path)
        for command in language.build:
            run(command, _LIMIT, work, env)
        result.mkdir()
        for pattern in language.kept:
            for path in sorted(work.glob(pattern)):
                path.rename(result / path.name)
        result.rename(final)
