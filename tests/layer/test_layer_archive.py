"""What a user finds in the zip they upload."""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

import machine
from layer.launcher import code

MB = 1 << 20
EXECUTABLE = {
    "faultlayer/bin/faultlayer-start",
    "extensions/faultlayer",
    "faultlayer-wrapper",
    "faultlayer/bin/python3",
    "faultlayer/lib/ld-linux-x86-64.so.2",
}


@pytest.fixture(scope="module")
def entries(archive: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        return opened.infolist()


def test_nothing_joins_the_functions_own_search_paths(opt: Path) -> None:
    assert sorted(os.listdir(opt)) == ["extensions", "faultlayer", "faultlayer-wrapper"]
    assert os.listdir(opt / "extensions") == ["faultlayer"]


def test_the_zip_is_the_tree(opt: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        zipped = {
            entry.filename: opened.read(entry) for entry in opened.infolist() if not entry.is_dir()
        }
    tree = {str(p.relative_to(opt)): p.read_bytes() for p in opt.rglob("*") if p.is_file()}
    assert zipped == tree


def test_modes_survive_the_zip(entries: list[zipfile.ZipInfo], opt: Path) -> None:
    for entry in entries:
        expected = 0o755 if entry.is_dir() or entry.filename in EXECUTABLE else 0o644
        assert stat.S_IMODE(entry.external_attr >> 16) == expected, entry.filename
        assert stat.S_IMODE((opt / entry.filename).stat().st_mode) == expected, entry.filename
        assert stat.S_ISDIR(entry.external_attr >> 16) == entry.is_dir()
        assert entry.create_system == 3, "only Unix entries carry modes"


def test_entries_are_sorted_and_dated_alike(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename.rstrip("/") for entry in entries]
    assert names == sorted(names)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_it_fits(opt: Path, archive: Path) -> None:
    assert archive.stat().st_size <= 5.5 * MB
    assert sum(p.stat().st_size for p in opt.rglob("*") if p.is_file()) <= 20 * MB


def test_no_leftovers_and_no_second_copy_of_a_module(opt: Path) -> None:
    library = next((opt / "faultlayer" / "lib").glob("python3.*"))
    kinds = {path.suffix for path in library.rglob("*") if path.is_file()}
    assert kinds <= {".pyc", ".so"}
    assert not [p for p in opt.rglob("*") if p.name in ("__pycache__", "tests", ".gitignore")]


def test_the_extension_is_a_program_that_needs_neither_shell_nor_library(opt: Path) -> None:
    program = (opt / "extensions" / "faultlayer").read_bytes()
    assert program[:4] == b"\x7fELF"
    assert b"/opt/faultlayer/bin/python3\0-ISc\0" in program
    assert len(program) < 1024


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_the_launchers_code_is_what_its_assembly_says(
    arch: str, repository: Path, tmp_path: Path
) -> None:
    prefix = {"x86_64": "x86_64", "arm64": "aarch64"}[arch] + "-linux-gnu-"
    assembler, copier = shutil.which(f"{prefix}as"), shutil.which(f"{prefix}objcopy")
    if not assembler or not copier:
        machine.lacks(f"{prefix}as is missing (Debian: binutils-{prefix.rstrip('-')})")
    source = repository / "layer" / "assembly" / f"{arch}.S"
    subprocess.run([assembler, "-o", tmp_path / "o", source], check=True)
    raw = tmp_path / "raw"
    subprocess.run([copier, "-O", "binary", "-j", ".text", tmp_path / "o", raw], check=True)
    assert raw.read_bytes() == code(arch)


def test_the_manifest_says_what_is_inside(opt: Path, repository: Path) -> None:
    manifest = json.loads((opt / "faultlayer" / "manifest.json").read_text())
    source = (repository / "extension/faultlayer/__init__.py").read_text()
    versions = [
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    ]
    assert [manifest["faultlayer"]] == versions
    assert manifest["architecture"] == "x86_64"
    assert f"python{manifest['python']}-minimal" in manifest["packages"]
    assert all(manifest["packages"].values())


def test_every_package_brings_its_licence(opt: Path) -> None:
    home = opt / "faultlayer"
    packages = json.loads((home / "manifest.json").read_text())["packages"]
    for package in packages:
        assert (home / "licenses" / package / "copyright").stat().st_size > 500, package
    assert "Apache License" in (home / "licenses" / "faultlayer" / "LICENSE").read_text()


def test_nothing_names_the_build_machine(opt: Path, repository: Path) -> None:
    needle = str(repository).encode()
    assert not [p for p in opt.rglob("*") if p.is_file() and needle in p.read_bytes()]
