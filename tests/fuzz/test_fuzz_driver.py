"""What happens to an input that fails, and where there is no fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import __main__ as driver
from fuzz import targets


def picky(data: bytes) -> None:
    assert not (b"<" in data and b">" in data)


def test_a_failing_input_is_made_small_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "REGRESSIONS", tmp_path / "regressions")
    artifact = tmp_path / "crash-0123"
    artifact.write_bytes(b"some text < and more of it > to the end")
    kept = driver.keep("heads", picky, artifact)
    assert kept.parent == tmp_path / "regressions" / "heads"
    assert kept.read_bytes() == b"<>"
    assert kept in targets.kept("heads")


def test_another_failure_is_no_smaller_form_of_this_one() -> None:
    def target(data: bytes) -> None:
        if len(data) < 4:
            raise KeyError
        assert b"!" not in data

    assert driver.minimised(target, b"0123456789!") == b"789!"[-4:]


def test_an_input_that_hangs_is_kept_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "REGRESSIONS", tmp_path)
    artifact = tmp_path / "timeout-0123"
    artifact.write_bytes(b"<so>")
    assert driver.keep("heads", picky, artifact).read_bytes() == b"<so>"


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_without_the_fuzzer_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    monkeypatch.setitem(driver.sys.modules, "atheris", None)
    monkeypatch.setattr(driver.sys, "argv", ["fuzz"])
    monkeypatch.setenv("CI", ci)
    assert driver.main() == code
    assert "atheris is made for Linux on x86_64" in capsys.readouterr().out
