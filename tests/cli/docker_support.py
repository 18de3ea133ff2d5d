"""What the tests of `faultlayer local --docker` share: fixtures, and questions to a run."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

import machine
from faultlayer_cli.commands.local import IMAGE
from faultlayer_cli.running.docker_engine import LABEL
from faultlayer_cli.running.emulator import PATH
from images import engine, stand_in

LOOK = """
import os
def attempt(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
def handler(event, context):
    with open("/tmp/mine", "a") as file:
        file.write("x")
    return {
        "environ": dict(os.environ),
        "opt": sorted(os.listdir("/opt")),
        "task": sorted(os.listdir("/var/task")),
        "tmp": os.listdir("/tmp"),
        "written": [attempt("/opt/x"), attempt("/var/task/x")],
        "timeout": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb,
        "event": event,
    }
"""


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """Skips where no engine answers; on CI that would hide the tests."""
    try:
        client = engine.connect()
    except engine.Unavailable as missing:
        machine.lacks(missing)
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> Iterator[str]:
    """AWS's image for our own version of Python, as users have it."""
    with stand_in.lent(client, IMAGE):
        yield IMAGE


@pytest.fixture
def left(client: docker.DockerClient) -> Callable[[subprocess.Popen[str]], list[str]]:
    """What the engine still has of a run: containers and volumes."""

    def left(process: subprocess.Popen[str]) -> list[str]:
        found = []
        for thing in (*client.containers.list(all=True, ignore_removed=True), *volumes()):
            labels = thing.attrs.get("Labels") or thing.attrs.get("Config", {}).get("Labels") or {}
            if labels.get(LABEL, "").split(" ")[-1] == str(process.pid):
                found.append(thing.name)
        return found

    def volumes() -> list[Any]:
        return client.volumes.list(filters={"label": LABEL})

    return left


@pytest.fixture
def look(tmp_path: Path) -> Path:
    folder = tmp_path / "look"
    folder.mkdir(0o700)
    (folder / "app.py").write_text(LOOK)
    (folder / "app.py").chmod(0o600)
    return folder


def named(left: list[str]) -> list[str]:
    """The containers among what is left; volumes have names of the engine's making."""
    return [name for name in left if name.startswith("faultlayer-")]


def serving(left: list[str]) -> str:
    """The container that runs the function; the other one only owns the files."""
    (name,) = [name for name in named(left) if not name.endswith("-files")]
    return name


def until(condition: Callable[[], object], patience: float = 60) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Standard error up to the line that contains this."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if wanted in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def ask(port: int, event: Any = None) -> Any:
    payload = json.dumps(event or {}).encode()
    url = f"http://127.0.0.1:{port}{PATH}"
    with urllib.request.urlopen(url, payload, timeout=60) as response:
        return json.loads(response.read())


def ours(err: str) -> list[str]:
    """What the command itself said, beside the log, of how the function runs and how that ended."""
    said = [line for line in err.splitlines() if line.startswith("faultlayer: ")]
    usual = ("no fault is armed", "armed: ", "Python, by ")
    return [line for line in said if not line.removeprefix("faultlayer: ").startswith(usual)]
