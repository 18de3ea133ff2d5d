"""What `make dist` writes, built once for all tests of this folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from release_support import EPOCH, ROOT, made_once

from machine import lacks
from release import __main__ as release


@pytest.fixture(scope="session")
def zips() -> Path:
    """dist/ with both layers' zips."""
    done = subprocess.run(
        [ROOT / "build.sh", "all"], check=False, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        lacks(f"this machine cannot build both layers: {done.stderr.strip()}")
    return ROOT / "dist"


@pytest.fixture(scope="session")
def dist(zips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that a release has."""

    def make(target: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
            assert release.main(["--to", str(target)]) == 0

    return made_once(tmp_path_factory, "dist", make)


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found
