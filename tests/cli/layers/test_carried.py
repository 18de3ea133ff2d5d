"""The layer of an installed package: unpacked once per content, with its modes, never half."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import built, carried, checkout


@pytest.fixture
def zips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package's folder of zips, and a cache at tmp_path/cache/faultlayer."""
    folder = tmp_path / "layers"
    folder.mkdir()
    monkeypatch.setattr(checkout, "root", lambda: None)
    monkeypatch.setattr(carried, "ZIPS", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def write(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode in (("extensions/faultlayer", 0o755), ("faultlayer/manifest.json", 0o644)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, text)


def test_it_is_unpacked_once_with_its_modes(zips: Path):
    write(zips / "faultlayer-arm64.zip", "1")
    tree = built.tree("arm64")
    assert (tree / "extensions/faultlayer").stat().st_mode & 0o777 == 0o755
    assert (tree / "faultlayer/manifest.json").stat().st_mode & 0o777 == 0o644
    (tree / "mark").touch()
    assert (built.tree("arm64") / "mark").exists()
    assert [path.name for path in tree.parent.iterdir()] == [tree.name]


def test_another_content_is_another_tree(zips: Path):
    """An upgrade never changes the layer under a run that uses it."""
    trees = set()
    for text in ("1", "2"):
        write(zips / "faultlayer-x86_64.zip", text)
        trees.add(tree := built.tree("x86_64"))
        assert (tree / "extensions/faultlayer").read_text() == text
    assert len(trees) == 2


def test_a_damaged_zip_leaves_nothing(zips: Path, tmp_path: Path):
    write(zips / "faultlayer-x86_64.zip", "text that is stored")
    whole = (zips / "faultlayer-x86_64.zip").read_bytes()
    (zips / "faultlayer-x86_64.zip").write_bytes(whole.replace(b"text that", b"TEXT THAT", 1))
    with pytest.raises(Failure, match=r"faultlayer-x86_64.zip is damaged .*: install faultlayer"):
        built.tree("x86_64")
    assert list((tmp_path / "cache/faultlayer").iterdir()) == []


def test_an_installation_without_layers(zips: Path):
    for make, option in ((built.tree, "--layer"), (built.archive, "--zip")):
        with pytest.raises(Failure, match=rf"no layer for arm64: install .* wheel, .*{option}"):
            make("arm64")


def test_the_zip_to_publish(zips: Path):
    write(zips / "faultlayer-arm64.zip", "1")
    assert built.archive("arm64") == zips / "faultlayer-arm64.zip"
