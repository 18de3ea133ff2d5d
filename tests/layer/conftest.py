"""The built layer, and ways to look at it as Lambda would: mounted at /opt, or alone in a root."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import machine

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # for `layer`, the recipe

PYTHON = "/opt/faultlayer/bin/python3"
Inside = Callable[..., str]


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def opt() -> Path:
    """dist/x86_64, built once per session."""
    done = subprocess.run(
        [ROOT / "build.sh", "x86_64"], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return ROOT / "dist" / "x86_64"


@pytest.fixture(scope="session")
def archive(opt: Path) -> Path:
    return opt.parent / "faultlayer-x86_64.zip"


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skips where a user may not mount; on CI that would hide the tests, so there it fails."""
    tried = ["unshare", "-rm", "true"]
    if not shutil.which("unshare") or subprocess.run(tried, check=False).returncode:
        machine.lacks("user namespaces are not allowed here")


def _run(script: str, arguments: list[str]) -> str:
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-euc", script, "sh", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def mounted(opt: Path, namespaces: None) -> Inside:
    """Runs Python code on the layer's interpreter, with the tree mounted at /opt."""

    def inside(code: str, env: Mapping[str, str] | None = None) -> str:
        # env inside, so that a poisoned environment meets our interpreter and not the shell.
        settings = [f"{name}={value}" for name, value in (env or {}).items()]
        script = 'mount --bind "$1" /opt; shift; exec env "$@"'
        return _run(script, [str(opt), *settings, PYTHON, "-IS", "-c", code])

    return inside


@pytest.fixture
def alone(opt: Path, namespaces: None, tmp_path: Path) -> Inside:
    """The same in a root file system that holds /opt and nothing else."""
    (tmp_path / "opt").mkdir()

    def inside(code: str) -> str:
        script = 'mount --bind "$1" "$2/opt"; exec chroot "$2" "$3" -IS -c "$4"'
        return _run(script, [str(opt), str(tmp_path), PYTHON, code])

    return inside


@dataclass(frozen=True)
class Dynamic:
    interpreter: str
    needed: list[str]
    rpath: str  # DT_RPATH, which beats LD_LIBRARY_PATH
    runpath: str  # DT_RUNPATH, which does not


def read_dynamic(path: Path) -> Dynamic | None:
    """What the loader will read of a 64-bit little-endian ELF file; None of any other."""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF":
        return None
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]

    def text(position: int) -> str:
        return data[position : data.index(b"\0", position)].decode()

    def in_file(address: int) -> int:
        for kind, _, start, virtual, _, length in segments:
            if kind == 1 and virtual <= address < virtual + length:
                return int(start + address - virtual)
        raise ValueError(f"{path}: address {address:#x} lies in no segment")

    interpreter, tags = "", []
    for kind, _, start, _, _, length in segments:
        if kind == 3:
            interpreter = text(start)
        if kind == 2:
            tags = list(struct.iter_unpack("<QQ", data[start : start + length // 16 * 16]))
    if not tags:
        return None  # the launcher, which loads nothing
    names = in_file(dict(tags)[5])

    def strings(wanted: int) -> list[str]:
        return [text(names + value) for tag, value in tags if tag == wanted]

    return Dynamic(interpreter, strings(1), "".join(strings(15)), "".join(strings(29)))


@pytest.fixture(scope="session")
def binaries(opt: Path) -> dict[str, Dynamic]:
    """Every ELF file of the layer by its path below /opt."""
    read = {
        str(path.relative_to(opt)): read_dynamic(path) for path in opt.rglob("*") if path.is_file()
    }
    return {name: dynamic for name, dynamic in read.items() if dynamic}
