"""The layer of a checkout: built if it is missing or older than what it is made of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.terminal import TERMINAL

BUILD = """#!/bin/sh
set -e
cd "$(dirname "$0")"
echo "built $1" >>log
echo "compiling $1" >&2
[ ! -e broken ] || exit 1
mkdir -p "dist/$1/extensions" build
touch "dist/faultlayer-$1.zip" "build/$1.json"
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose sources are an hour old."""
    for folder in ("extension/faultlayer", "layer", "wrapper"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "build.sh").write_text(BUILD)
    (tmp_path / "build.sh").chmod(0o755)
    (tmp_path / "extension/faultlayer/main.py").touch()
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, path.stat().st_mtime - 3600))
    monkeypatch.setattr(checkout, "root", lambda: tmp_path)
    return tmp_path


def builds(base: Path) -> int:
    log = base / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_it_is_built_once(base: Path) -> None:
    assert checkout.layer("arm64") == base / "dist" / "arm64"
    assert checkout.layer_zip("arm64") == base / "dist" / "faultlayer-arm64.zip"
    checkout.layer("arm64")
    assert builds(base) == 1
    checkout.layer("x86_64")
    assert builds(base) == 2, "each machine has its own"


@pytest.mark.parametrize("lost", ["dist/arm64/extensions", "build/arm64.json", "a source"])
def test_again_if_it_is_gone_or_a_source_is_younger(base: Path, lost: str) -> None:
    checkout.layer("arm64")
    path = base / lost
    if lost == "a source":
        later = (base / "build/arm64.json").stat().st_mtime + 5
        os.utime(base / "extension/faultlayer/main.py", (later, later))
    elif path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    checkout.layer("arm64")
    assert builds(base) == 2


def test_its_lines_are_notes(base: Path, capfd: pytest.CaptureFixture[str]) -> None:
    checkout.layer("arm64", TERMINAL)
    assert capfd.readouterr() == ("", "faultlayer: compiling arm64\n")
    checkout.layer("x86_64")
    assert capfd.readouterr() == ("", "")


def test_a_build_that_fails_is_a_failure(base: Path) -> None:
    (base / "broken").touch()
    with pytest.raises(Failure, match="building the layer failed: compiling arm64"):
        checkout.layer("arm64")


def test_an_installed_package_has_no_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "root", lambda: None)
    with pytest.raises(Failure, match="not from a checkout"):
        checkout.layer("arm64")


def test_this_is_one() -> None:
    root = checkout.root()
    assert root is not None
    assert (root / "build.sh").is_file()
