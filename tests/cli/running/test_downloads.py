"""What is fetched is complete or absent, and a failure is one line."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads

Pip = Callable[[Callable[[list[str]], "tuple[int, str]"]], list[list[str]]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, as for a user without a checkout."""
    monkeypatch.setattr(checkout, "root", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return tmp_path / "faultlayer"


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    """Replaces pip; returns the list of the commands that it was given."""

    def replace(act: Callable[[list[str]], tuple[int, str]]) -> list[list[str]]:
        calls: list[list[str]] = []

        def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
            calls.append(command)
            code, stderr = act(command)
            return subprocess.CompletedProcess(command, code, None, stderr)

        monkeypatch.setattr(downloads.subprocess, "run", run)
        return calls

    return replace


def wheel(member: str) -> Callable[[list[str]], tuple[int, str]]:
    def download(command: list[str]) -> tuple[int, str]:
        target = Path(command[command.index("-d") + 1])
        with zipfile.ZipFile(target / "aws_sam_cli-1-py3-none-any.whl", "w") as archive:
            archive.writestr(member, "#!/bin/sh\n")
        return 0, ""

    return download


def test_the_emulator_is_fetched_once_with_its_hash_checked(folder: Path, pip: Pip):
    calls = pip(wheel("samcli/local/rapid/aws-lambda-rie-x86_64"))
    path = downloads.emulator()
    assert path.stat().st_mode & 0o111
    assert path.is_relative_to(folder)
    assert downloads.emulator() == path
    (command,) = calls
    assert "--require-hashes" in command
    assert [entry.name for entry in folder.iterdir()] == [path.parent.name]


@pytest.mark.parametrize(
    ("code", "stderr", "told"),
    [
        (1, "WARNING: slow\nERROR: No matching distribution\nERROR: more", "No matching"),
        (1, "/usr/bin/python: No module named pip\n", "No module named pip"),
        (2, "", "pip ended with 2"),
        (1, "ERROR: " + "x" * 5000, "xxx"),
    ],
)
@pytest.mark.parametrize("fetch", [downloads.emulator, downloads.runtime])
def test_pip_fails(
    folder: Path, pip: Pip, fetch: Callable[[], Path], code: int, stderr: str, told: str
):
    pip(lambda command: (code, stderr))
    with pytest.raises(Failure) as caught:
        fetch()
    message = str(caught.value)
    assert told in message
    assert "\n" not in message
    assert len(message) < 500
    assert list(folder.iterdir()) == []


def test_a_wheel_without_the_emulator(folder: Path, pip: Pip):
    pip(wheel("samcli/something/else"))
    with pytest.raises(Failure, match="holds no aws-lambda-rie-x86_64"):
        downloads.emulator()
    assert list(folder.iterdir()) == []


def test_a_cache_that_cannot_be_written(folder: Path):
    folder.write_text("a file where the folder should be")
    with pytest.raises(Failure, match="cannot write to the cache"):
        downloads.emulator()


def test_another_system(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Failure, match="needs Linux"):
        downloads.architecture()


def test_the_pins_name_versions():
    assert downloads.version(downloads.EMULATOR)[0].isdigit()
    assert downloads.version(downloads.RUNTIME)[0].isdigit()


def python(folder: Path) -> Path:
    """A file in the place of a folder's interpreter."""
    path = folder / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_the_interpreter_is_never_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Python 3.10 names it as its own base."""
    ours, base = python(tmp_path / "venv"), python(tmp_path / "base")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "base"))
    monkeypatch.setattr(sys, "_base_executable", str(ours), raising=False)
    assert downloads.interpreter() == base
    base.unlink()
    with pytest.raises(Failure, match=f"no interpreter outside the virtual environment: {base}"):
        downloads.interpreter()
    elsewhere = python(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "_base_executable", str(elsewhere), raising=False)
    assert downloads.interpreter() == elsewhere
