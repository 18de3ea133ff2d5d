"""The shim's library files: small, loadable everywhere, made of these sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shimmed import ROOT

import machine

sys.path.insert(0, str(ROOT))
from layer import shim

ARCHITECTURES = ("x86_64", "arm64")
BUILT = ROOT / "shim" / "built"
HOOKS = {"connect", "getpeername", "getaddrinfo", "gethostbyname", "gethostbyname2"}
HOOKS |= {"gethostbyname_r", "gethostbyname2_r"}


def readelf(path: Path, *options: str) -> str:
    command = [machine.program("readelf", "binutils"), "--wide", *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def symbols(path: Path) -> list[list[str]]:
    """The fields of each dynamic symbol.

    Its binding is the fifth, its name the eighth.
    """
    lines = readelf(path, "--dyn-syms").splitlines()
    return [line.split() for line in lines if line.strip()[:1].isdigit() and len(line.split()) > 7]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_it_loads_under_any_c_library(arch: str) -> None:
    library = BUILT / f"{arch}.so"
    assert library.stat().st_size <= 20_000
    dynamic = readelf(library, "--dynamic")
    for entry in ("NEEDED", "TEXTREL", "VERNEED", "VERSYM", "RPATH", "RUNPATH"):
        assert entry not in dynamic, "no library, no version of one"
    assert "GNU_HASH" in dynamic
    assert "(HASH)" in dynamic, "of loaders that know no other"
    undefined = {
        tuple(fields[4:5] + fields[7:]) for fields in symbols(library) if fields[6] == "UND"
    }
    names = ("dl_iterate_phdr", "__errno_location", "__h_errno_location")
    assert undefined == {("WEAK", name) for name in names}, "none is missed"
    assert {fields[7] for fields in symbols(library) if fields[6] != "UND"} == HOOKS
    told = readelf(library, "--segments")
    for line in told.splitlines():
        if line.split()[:1] in (["LOAD"], ["GNU_STACK"]):
            assert "RWE" not in line.replace(" ", "")
    machine_name = {"x86_64": "X86-64", "arm64": "AArch64"}[arch]
    assert machine_name in readelf(library, "--file-header")


def test_the_committed_libraries_are_those_of_the_sources() -> None:
    assert shim.is_current(ROOT, BUILT), "run `make shim`, and commit shim/built"


def test_a_change_of_a_source_or_of_a_library_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "shim", tmp_path / "shim")
    (tmp_path / "layer").mkdir()
    shutil.copy(ROOT / "layer" / "zig.txt", tmp_path / "layer")
    built = tmp_path / "shim" / "built"
    assert shim.is_current(tmp_path, built)
    for path in ("shim/shim.c", "shim/system.h", "layer/zig.txt", "shim/built/arm64.so"):
        changed = tmp_path / path
        before = changed.read_bytes()
        changed.write_bytes(before + b"\n")
        assert not shim.is_current(tmp_path, built), path
        changed.write_bytes(before)
    assert shim.is_current(tmp_path, built)
    (built / "x86_64.so").unlink()
    assert not shim.is_current(tmp_path, built)


@pytest.mark.whole
def test_compiled_again_they_have_the_same_bytes(tmp_path: Path) -> None:
    """In another folder; the compiler is a download of 100 MB, once."""
    shim.compile_all(ROOT, tmp_path / "built")
    for path in sorted(BUILT.iterdir()):
        assert (tmp_path / "built" / path.name).read_bytes() == path.read_bytes(), path.name
