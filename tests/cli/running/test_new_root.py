"""A function that deletes and writes wherever it can harms nothing of the host, in either mode."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cli_support import ROOT, Started

from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads, namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction

HARMFUL = Path(__file__).parent / "functions" / "harmful"
SOCKETS = ["/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket"]
# Below root's own user there is one without any right: the owner of a user namespace, unmapped.
USERS = {"as we are": [], "a user": ["unshare", "--user", "--map-user=1000", "--map-group=1000"]}
# The engine gives every container these: memory of its own, and what asks the kernel for a notice.
CONTAINERS_OWN = ("/dev", "/proc/pressure/")


def state(top: Path) -> dict[str, tuple[object, ...]]:
    """All there is below this folder, with contents."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [top, *sorted(top.rglob("*"))]:
        facts = path.lstat()
        content = ""
        if path.is_file() and not path.is_symlink():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path)] = (facts.st_mode, facts.st_uid, facts.st_mtime_ns, content)
    return found


@dataclass
class Host:
    """What may not be harmed: a folder below /tmp with function and checkout, and others."""

    top: Path
    others: list[Path]
    process: subprocess.Popen[bytes]

    @property
    def function(self) -> Path:
        return self.top / "work" / "function"

    @property
    def checkout(self) -> Path:
        return self.top / "work" / "checkout"

    @property
    def layer(self) -> Path:
        return self.checkout / "dist" / downloads.architecture()

    def state(self) -> list[dict[str, tuple[object, ...]]]:
        return [state(folder) for folder in (self.top, *self.others)]

    def event(self) -> dict[str, Any]:
        paths = [self.top, *self.others]
        return {
            "mark": f"harm-{uuid.uuid4().hex}",
            "host": [str(path) for path in paths],  # these it tries to delete
            "hidden": [str(path) for path in (ROOT, Path.home())],
            "process": self.process.pid,
            "sockets": SOCKETS,
        }


@pytest.fixture
def host() -> Iterator[Host]:
    with (
        tempfile.TemporaryDirectory(dir="/tmp", prefix="host-") as top,
        tempfile.TemporaryDirectory(dir="/var/tmp", prefix="host-") as other,
        subprocess.Popen(["sleep", "600"]) as process,
    ):
        try:
            host = Host(Path(top), [Path(other)], process)
            (Path(other) / "file").write_text("precious")
            shutil.copytree(HARMFUL, host.function)
            (host.function / "folder").mkdir()
            (host.function / "folder" / "data").write_text("precious")
            (host.function / "link").symlink_to("../checkout")
            yield host
        finally:
            process.kill()


@pytest.fixture
def cloned(host: Host) -> Host:
    """With a checkout below /tmp, and its cache."""
    kept = [downloads.emulator().parent, downloads.runtime()]
    checkout.layer(downloads.architecture())
    skipped = shutil.ignore_patterns("__pycache__", "*.zip")
    for name in ("cli", "extension", "layer", "wrapper", "dist", "build"):
        shutil.copytree(ROOT / name, host.checkout / name, symlinks=True, ignore=skipped)
    shutil.copy2(ROOT / "build.sh", host.checkout)
    for folder in kept:
        shutil.copytree(folder, host.checkout / ".cache" / folder.name, symlinks=True)
    return host


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(spawned: Started, cloned: Host) -> Run:
    """What the function tells, run by the checkout's own command."""

    def run(*arguments: object, before: tuple[str, ...] = (), folder: Path | None = None) -> Any:
        arguments = (
            folder or cloned.function,
            "--invoke",
            "-",
            "--function-timeout",
            90,
            *arguments,
        )
        process = spawned(
            "local",
            *arguments,
            before=before,
            PYTHONPATH=f"{cloned.checkout}/cli:{cloned.checkout}/extension",
            PYTHONDONTWRITEBYTECODE="1",
        )
        out, err = process.communicate(json.dumps(cloned.event()), timeout=180)
        assert process.returncode == 0, err
        told = json.loads(out)
        assert "writable" in told, told
        return told

    return run


def harmless(told: dict[str, Any], own: tuple[str, ...] = ()) -> None:
    """Nothing could be done, but in its own /tmp."""
    assert told.pop("tmp") == told.pop("left of tmp") == []
    assert told.pop("ran from tmp") == 0
    assert [path for path in told.pop("writable") if not path.startswith(own or ("nowhere",))] == []
    assert {name: value for name, value in told.items() if value} == {}


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("user", USERS)
def test_in_namespaces(run: Run, cloned: Host, user: str) -> None:
    before = cloned.state()
    told = run("--layer", cloned.layer, before=tuple(USERS[user]))
    harmless(told)
    assert cloned.state() == before
    assert cloned.process.poll() is None


@pytest.mark.usefixtures("namespaces")
def test_without_a_namespace_for_processes(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that hides parts of /proc: processes are seen, files are as safe."""
    command = namespaces.unshare_command()
    plain = [option for option in command if option not in namespaces._PROCESSES]
    monkeypatch.setattr(namespaces, "unshare_command", lambda: plain)
    before = host.state()
    function = LocalFunction(host.function, timeout=90, storage=64)
    with Emulator(function, echo=False) as emulator:
        told = emulator.invoke(json.dumps(host.event()).encode()).json()
    assert told.pop("reached") == [f"ended {host.process.pid}"]
    harmless(told)
    assert host.state() == before


@pytest.mark.usefixtures("image")
def test_in_docker(run: Run, cloned: Host) -> None:
    before = cloned.state()
    told = run("--docker", "--layer", cloned.layer)
    harmless(told, CONTAINERS_OWN)
    assert cloned.state() == before
    assert cloned.process.poll() is None
