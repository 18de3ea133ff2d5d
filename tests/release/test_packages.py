"""The wheel and the sdist: everything is in them, and the same inputs give the same bytes."""

from __future__ import annotations

import email
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from release_support import EPOCH, ROOT

from faultlayer import __version__
from hatch_build import ARCHITECTURES, carried
from release import contents, packages


def tracked(*folders: str) -> set[str]:
    """The files of the checkout that git knows or would add."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "--", *folders]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this is no git checkout")
    return {name for name in done.stdout.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_every_module_and_file_of_both_packages_is_in_the_wheel(wheel: Path):
    expected = {
        name.partition("/")[2] for name in tracked("extension/faultlayer", "cli/faultlayer_cli")
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    added = set(carried("wheel").values())
    beside = {name for name in names if not any(name.startswith(place) for place in added)}
    assert {name for name in beside if ".dist-info/" not in name} == expected


def test_the_wheel_carries_both_layers_as_they_were_built(wheel: Path, zips: Path):
    with zipfile.ZipFile(wheel) as archive:
        for architecture in ARCHITECTURES:
            name = f"faultlayer-{architecture}.zip"
            inside = archive.read(f"faultlayer_cli/data/layers/{name}")
            assert inside == (zips / name).read_bytes()


def test_the_wheel_has_the_licenses_of_all_that_is_in_the_layer(wheel: Path, metadata: Message):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for package in ["faultlayer/LICENSE", "libc6/copyright", "libexpat1/copyright"]:
        assert f"faultlayer_cli/data/layers/licenses/{package}" in names
    assert set(metadata["License-Expression"].split(" AND ")) == {
        contents.OURS,
        *contents.LICENSES.values(),
    }


def test_metadata(metadata: Message):
    assert metadata["Name"] == "faultlayer"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.10"
    required = {re.split(r"[<>=]", name)[0] for name in metadata.get_all("Requires-Dist", [])}
    wanted = {"boto3", "click", "docker", "pip", "python-dotenv", "pyyaml", "requests", "rich"}
    wanted |= {"uvicorn"}
    assert required == wanted


def test_the_wheel_stays_below_the_limit_of_the_index(wheel: Path):
    assert wheel.stat().st_size < 20 << 20  # 100 MB is PyPI's; ours was 9.3 MB


def test_the_sdist_has_every_tracked_file_and_the_layers(dist: Path, zips: Path):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive if member.isfile()}
    built = {name for name in members if name.startswith("dist/")}
    assert {f"dist/faultlayer-{each}.zip" for each in ARCHITECTURES} <= built
    assert set(members) - built - {"PKG-INFO"} == tracked()
    assert {member.uid for member in members.values()} == {0}
    assert {member.mtime for member in members.values()} == {EPOCH}


def test_the_same_inputs_elsewhere_give_the_same_bytes(dist: Path, zips: Path, tmp_path: Path):
    copy = tmp_path / "another folder"
    inputs = [*tracked(), *(path for path in carried("sdist") if path.endswith(".zip"))]
    for name in inputs:
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
        target.chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
    licenses = next(path for path in carried("sdist") if not path.endswith(".zip"))
    shutil.copytree(ROOT / licenses, copy / licenses)
    for path in packages.build(copy, tmp_path / "out", EPOCH):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest == hashlib.sha256((dist / path.name).read_bytes()).hexdigest(), path.name


def test_packages_of_former_versions_are_removed(dist: Path, tmp_path: Path):
    for name in ("faultlayer-0.0.1-py3-none-any.whl", "faultlayer-0.0.1.tar.gz"):
        (tmp_path / name).touch()
    built = packages.build(ROOT, tmp_path, EPOCH)
    assert sorted(tmp_path.iterdir()) == sorted(built)


def test_without_the_layers_the_reason_is_told_and_nothing_replaced(tmp_path: Path):
    copy, out = tmp_path / "copy", tmp_path / "out"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    out.mkdir()
    (out / "faultlayer-0.0.1.tar.gz").touch()
    with pytest.raises(packages.ReleaseError, match=r"dist/faultlayer-x86_64.zip is missing.*dist"):
        packages.build(copy, out, EPOCH)
    assert [path.name for path in out.iterdir()] == ["faultlayer-0.0.1.tar.gz"]


def test_an_editable_install_needs_no_layers(tmp_path: Path):
    """As `make test` makes one before anything is built."""
    copy = tmp_path / "copy"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    code = "import sys; from hatchling import build; print(build.build_editable(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=False, cwd=copy, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", " "])
def test_a_wrong_source_date_epoch_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(packages.ReleaseError, match="SOURCE_DATE_EPOCH is not a number"):
        packages.epoch(ROOT)


def test_the_time_is_that_of_the_last_commit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    tracked()  # skips if there is no git
    assert 1_700_000_000 < packages.epoch(ROOT) < 4_000_000_000


def test_the_time_without_git_is_a_fixed_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert packages.epoch(tmp_path) == packages.epoch(tmp_path) == 1580601600
