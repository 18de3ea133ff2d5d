"""The Python that runs functions, where a function sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import downloads, interpreter


@pytest.fixture(autouse=True)
def anew() -> None:
    interpreter.found.cache_clear()


def test_it_is_outside_of_our_virtual_environment_and_of_our_version() -> None:
    found = interpreter.found()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert Path(found.path).name.startswith("python3")
    assert version in str(downloads.interpreter().resolve())
    assert not any(str(path).startswith(sys.prefix + "/") for path in found.shown.values()) or (
        sys.prefix == sys.base_prefix
    )
    assert found.packages, "what is installed for it is not shown"


def test_the_machine_s_own_stays_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path("/usr/bin/python3")
    if not own.exists():
        pytest.skip("this machine has no Python in /usr/bin")
    monkeypatch.setattr(downloads, "interpreter", lambda: own)
    found = interpreter.found()
    assert found.path == str(own.resolve())
    assert (found.shown, found.variables) == ({}, {})


def test_one_that_does_not_start_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho no libraries >&2; exit 127\n")
    broken.chmod(0o755)
    assert subprocess.run([broken], check=False, capture_output=True).returncode == 127
    monkeypatch.setattr(downloads, "interpreter", lambda: broken)
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    with pytest.raises(Failure, match="does not start: no libraries"):
        interpreter.found()
