"""`faultlayer wrap-package`: a zip in, a zip out, and one line of what became of it."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from faultlayer_cli import main


def package(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100755 << 16
            archive.writestr(info, "#!/bin/sh\n")
    return buffer.getvalue()


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, wrapped, back = (tmp_path / name for name in ("in.zip", "out.zip", "back.zip"))
    source.write_bytes(package("bootstrap"))
    assert main.run(["wrap-package", str(source), str(wrapped)]) == 0
    assert (
        capsys.readouterr().err
        == f"faultlayer: {wrapped}: wrapped, {wrapped.stat().st_size} bytes\n"
    )
    assert main.run(["wrap-package", "--unwrap", str(wrapped), str(back)]) == 0
    assert (
        capsys.readouterr().err == f"faultlayer: {back}: unwrapped, {back.stat().st_size} bytes\n"
    )
    assert zipfile.ZipFile(back).namelist() == ["bootstrap"]


@pytest.mark.parametrize("content", [b"no zip", package("app.py")])
def test_what_is_no_such_package_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    source, target = tmp_path / "in.zip", tmp_path / "out.zip"
    source.write_bytes(content)
    assert main.run(["wrap-package", str(source), str(target)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"faultlayer: {source}: ")
    assert not target.exists()


def test_a_folder_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.zip", tmp_path / "nowhere" / "out.zip"
    source.write_bytes(package("bootstrap"))
    assert main.run(["wrap-package", str(source), str(target)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"faultlayer: {target} cannot be written: No such file or directory"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_it_asks_before_it_overwrites_its_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: Callable[[str], None]
) -> None:
    source, link = tmp_path / "in.zip", tmp_path / "link.zip"
    source.write_bytes(package("bootstrap"))
    link.symlink_to(source)
    original = source.read_bytes()
    for target in (source, link):
        for answer in ("no\n", ""):
            typed(answer)
            assert main.run(["wrap-package", str(source), str(target)]) == 2
            said = capsys.readouterr().err
            assert f"overwrites {source}" in said
            assert "allowed: yes, or --yes" in said
    assert source.read_bytes() == original
    typed("yes\n")
    assert main.run(["wrap-package", str(source), str(source)]) == 0
    assert source.read_bytes() != original
    typed("")
    assert main.run(["wrap-package", "--unwrap", "--yes", str(source), str(source)]) == 0
    assert source.read_bytes() == original


def test_another_file_is_overwritten_without_a_question_and_doubled_names_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: Callable[[str], None]
) -> None:
    source, target = tmp_path / "in.zip", tmp_path / "out.zip"
    source.write_bytes(package("bootstrap", "app", "./app"))
    target.write_bytes(b"an earlier one")
    typed("")
    assert main.run(["wrap-package", str(source), str(target)]) == 0
    note, done = capsys.readouterr().err.splitlines()
    assert note == f"faultlayer: {source}: has app twice; AWS decides which one counts"
    assert "wrapped" in done
