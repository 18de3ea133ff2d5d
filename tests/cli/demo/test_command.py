"""`faultlayer demo` where it cannot run, and the command that it suggests next."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from faultlayer_cli import main
from faultlayer_cli.demo import screen


def test_another_system_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert main.run(["demo"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert "needs Linux" in line


def installed(at: Path) -> Path:
    script = at / "bin" / "faultlayer"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def test_the_next_command_can_be_typed_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ours, other = installed(tmp_path / "ours"), installed(tmp_path / "other")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "ours"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(ours.parent))
    assert screen.program() == "faultlayer"
    for path in (str(other.parent), "/nowhere"):
        monkeypatch.setenv("PATH", path)
        assert screen.program() == "ours/bin/faultlayer"
    monkeypatch.chdir("/")
    assert screen.program() == str(ours)[1:]
    ours.unlink()
    assert screen.program() == "faultlayer"
