"""What a function under `faultlayer local` sees: the same wherever its folder is on the host."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import Started

from faultlayer_cli.running import interpreter

pytestmark = pytest.mark.usefixtures("namespaces")

LOOK = """
import importlib.util, os, sys
def handler(event, context):
    return {
        "root": sorted(os.listdir("/")),
        "var": sorted(os.listdir("/var")),
        "opt": sorted(os.listdir("/opt")),
        "task": sorted(os.listdir("/var/task")),
        "tmp": os.listdir("/tmp"),
        "cwd": os.getcwd(),
        "file": __file__,
        "home": os.environ.get("HOME"),
        "visible": [path for path in event.get("paths", []) if os.path.lexists(path)],
        "found": [name for name in event.get("names", []) if importlib.util.find_spec(name)],
        "processes": [name for name in os.listdir("/proc") if name.isdigit()],
        "path": sys.path,
        "python": sys.executable,
    }
"""
SYSTEM = {"bin", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc"}
ROOT = SYSTEM | {"sbin", "sys", "tmp", "usr", "var"}


@contextlib.contextmanager
def function(top: str, name: str = "a function") -> Iterator[Path]:
    """A folder with the function below this one of the host's, which is made if need be."""
    made = not Path(top).exists()
    try:
        Path(top).mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=top) as folder:
            path = Path(folder, name)
            path.mkdir()
            (path / "app.py").write_text(LOOK)
            yield path
    except PermissionError as error:
        pytest.skip(str(error))
    finally:
        if made:
            with contextlib.suppress(OSError):
                Path(top).rmdir()


def ask(started: Started, folder: Path, *arguments: object, **event: Any) -> tuple[Any, str]:
    """What the function tells, and what the command said."""
    process = started("local", folder, "--invoke", "-", *arguments)
    out, err = process.communicate(json.dumps(event), timeout=60)
    assert process.returncode == 0, err
    return json.loads(out), err


@pytest.mark.parametrize("top", ["/tmp", "/var/tmp", "/opt", "/var/task", "/var/runtime", "/srv"])
def test_wherever_the_folder_is(started: Started, top: str) -> None:
    with function(top) as folder:
        seen, _ = ask(started, folder, paths=[str(folder), "/root", "/home", "/run", "/mnt"])
    assert set(seen["root"]) <= ROOT
    assert set(seen["var"]) <= {"lang", "rapid", "runtime", "task"}
    assert seen["opt"] == ["extensions", "faultlayer", "faultlayer-wrapper"]
    assert seen["task"] == ["app.py"]
    assert (seen["cwd"], seen["file"]) == ("/var/task", "/var/task/app.py")
    assert seen["tmp"] == seen["visible"] == []
    assert seen["home"] is None
    assert len(seen["processes"]) < 10


@pytest.mark.parametrize("name", ["two  blanks", "line\nbreak", 'it\'s "quoted" \\', "日本"])
def test_whatever_the_folder_is_called(started: Started, tmp_path: Path, name: str) -> None:
    with function(str(tmp_path), name) as folder:
        seen, _ = ask(started, folder)
    assert seen["task"] == ["app.py"]


def test_a_folder_that_is_tmp_itself(started: Started) -> None:
    module = f"look_{uuid.uuid4().hex}"
    path = Path("/tmp", f"{module}.py")
    path.write_text(LOOK)
    try:
        seen, _ = ask(started, Path("/tmp"), "--handler", f"{module}.handler")
    finally:
        path.unlink()
    assert seen["file"] == f"/var/task/{module}.py"
    assert seen["tmp"] == []


def test_a_link_to_the_folder(started: Started, tmp_path: Path) -> None:
    with function(str(tmp_path)) as folder:
        (tmp_path / "link").symlink_to(folder)
        seen, _ = ask(started, tmp_path / "link")
    assert seen["file"] == "/var/task/app.py"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_runs_the_private_folder_of_another_user(started: Started, tmp_path: Path) -> None:
    with function(str(tmp_path)) as folder:
        for path in (folder, folder / "app.py"):
            os.chown(path, 12345, 12345)
            path.chmod(0o700)
        seen, _ = ask(started, folder)
    assert seen["task"] == ["app.py"]


def test_the_hosts_packages_are_not_importable(started: Started, tmp_path: Path) -> None:
    """Neither ours nor those of the interpreter that runs the function."""
    found = [name for folder in interpreter.found().packages for name in ("pip", folder)]
    names = ["click", "boto3", "pip", "setuptools", "faultlayer", "faultlayer_cli", "awslambdaric"]
    with function(str(tmp_path)) as folder:
        seen, _ = ask(started, folder, names=names)
    assert seen["found"] == ["awslambdaric"], found


def test_links_that_lead_out_are_named(started: Started, tmp_path: Path) -> None:
    with function(str(tmp_path)) as folder:
        (tmp_path / "shared").mkdir()
        (folder / "inside").symlink_to("app.py")
        (folder / "shared").symlink_to(os.path.relpath(tmp_path / "shared", folder))
        (folder / "absolute").symlink_to("/home")
        _, err = ask(started, folder)
    (line,) = [line for line in err.splitlines() if "->" in line]
    assert line.startswith("faultlayer: 2 links lead out of ")
    assert "absolute -> " in line and "shared -> " in line


def test_the_folders_own_files_stay_as_they_are(started: Started, tmp_path: Path) -> None:
    with function(str(tmp_path)) as folder:
        ask(started, folder)
        assert [path.name for path in folder.iterdir()] == ["app.py"], "not even __pycache__"
        shutil.rmtree(folder)
