"""The cache is found without a checkout, and what is in it is complete or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import cache, checkout


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkout around the command."""
    monkeypatch.setattr(checkout, "root", lambda: None)


def test_a_checkout_has_a_cache_of_its_own():
    assert cache.folder() == Path(__file__).resolve().parents[3] / ".cache"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_the_users_cache(installed: None, monkeypatch: pytest.MonkeyPatch, value: str):
    """By the XDG specification a relative path does not count."""
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.folder() == Path("/home/somebody/.cache/faultlayer")


def test_another_folder(installed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/us")
    assert cache.folder() == Path("/var/cache/us/faultlayer")


def test_no_home(installed: None, monkeypatch: pytest.MonkeyPatch):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(Failure, match="no home folder for the cache: set XDG_CACHE_HOME"):
        cache.folder()


def test_a_place_that_cannot_be_written(
    installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "faultlayer").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(Failure, match=f"cannot write to the cache {tmp_path}/faultlayer: .*; XDG_"):
        cache.workshop()


def test_the_second_of_two_takes_what_the_first_made(tmp_path: Path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    final = tmp_path / "final"
    assert cache.settle(tmp_path / "first", final) == final
    assert cache.settle(tmp_path / "second", final) == final
    assert (final / "file").read_text() == "first"


def test_a_disk_that_refuses_is_not_taken_for_the_other_one(tmp_path: Path):
    with pytest.raises(OSError):
        cache.settle(tmp_path / "absent", tmp_path / "final")
    assert os.listdir(tmp_path) == []
