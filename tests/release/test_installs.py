"""The wheel in an empty virtual environment, without a checkout, on every Python that is here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from moto.server import ThreadedMotoServer
from release_support import made_once

import pythons
from faultlayer import __version__
from hatch_build import ARCHITECTURES
from machine import lacks

HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "fine"}\n'
MINORS = list(pythons.candidates())
REGION = "eu-west-1"


class Installed(NamedTuple):
    """An environment that holds the wheel and what it requires, and nothing else."""

    bin: Path
    home: Path

    def run(
        self, *arguments: object, code: int = 0, timeout: float = 180, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """The command as a user types it; fails the test unless it ends with this exit code."""
        command = [self.bin / "faultlayer", *map(str, arguments)]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=timeout,
            cwd=self.home, env={**self.environment(), **variables},
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def environment(self) -> dict[str, str]:
        """The caller's, without anything that leads to the checkout or to its environment."""
        dropped = ("PYTHON", "FAULTLAYER_", "AWS_", "VIRTUAL_ENV", "COV")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(dropped)}
        path = os.pathsep.join([str(self.bin), *os.environ["PATH"].split(os.pathsep)[1:]])
        return {**kept, "PATH": path, "XDG_CACHE_HOME": str(self.home / "cache")}


def _done(command: Sequence[str | Path]) -> str:
    """Why this command failed; nothing if it did not."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    said = (done.stderr + done.stdout).strip() or f"exit status {done.returncode}"
    return said.splitlines()[-1] if done.returncode else ""


def one_worker(minor: int) -> Any:
    """Keep a Python's tests in one worker.

    It installs the wheel while other workers work.
    """
    marks = pytest.mark.xdist_group(f"release-3.{minor}")
    return pytest.param(minor, id=f"3.{minor}", marks=marks)


@pytest.fixture(scope="session", params=map(one_worker, MINORS))
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    minor = request.param
    python = pythons.working(minor, pythons.candidates()[minor])
    if python is None:
        lacks(f"python3.{minor} does not run, or cannot make virtual environments")

    def make(home: Path) -> None:
        venv, function = home / "venv", home / "function"
        _done([python, "-m", "venv", "--without-pip", "--clear", venv])  # without, as uv makes them
        pip = [sys.executable, "-m", "pip", "--python", venv, "install", "--no-compile", "--quiet"]
        if why := _done([*pip, wheel]):
            lacks(f"cannot install the wheel with what it requires: {why}")
        function.mkdir()
        (function / "app.py").write_text(HANDLER)
        (function / "event.json").write_text("{}")

    home = made_once(tmp_path_factory, f"python3.{minor}", make)
    return Installed(home / "venv/bin", home)


@pytest.fixture
def account() -> Iterator[dict[str, str]]:
    """An empty account of moto's, as variables that lead there."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }
    server.stop()


def test_the_version(installed: Installed):
    assert installed.run("--version").stdout == f"faultlayer {__version__}\n"


def test_requirements_are_complete(installed: Installed):
    assert not _done([installed.bin / "python", "-m", "pip", "check"])


def test_two_local_runs_at_once_in_an_empty_cache(installed: Installed, tmp_path: Path):
    """Both need the emulator, the runtime client and the unpacked layer, which are not there."""
    run = ("local", "function", "--invoke", "function/event.json", "--status", "503")
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(installed.run, *run, **cache) for _ in range(2)]
    for each in both:
        assert json.loads(each.result().stdout)["statusCode"] == 503
        assert '"event":"fault_injected"' in each.result().stderr
    made = sorted(path.name for path in (tmp_path / "faultlayer").iterdir())
    assert [name.split("-")[0] for name in made] == ["awslambdaric", "emulator", "layer"]
    again = installed.run(*run, **cache)
    assert "fetching" not in again.stderr


def test_demo(installed: Installed):
    done = installed.run("demo")
    for question in ("an extra 300 ms?", "an error code?", "an exception in the code?"):
        assert question in done.stdout
    assert "HTTP 503" in done.stdout and "ValueError" in done.stdout
    assert "make " not in done.stdout + done.stderr
    assert ".venv" not in done.stdout.replace(str(installed.bin), "")


def test_publish_and_attach(installed: Installed, account: dict[str, str]):
    done = installed.run("publish", **account)
    client = boto3.client(
        "lambda",
        region_name=REGION,
        endpoint_url=account["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    names = {layer["LayerName"] for layer in client.list_layers()["Layers"]}
    assert names == {f"faultlayer-{each}" for each in ARCHITECTURES}
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(ARCHITECTURES)
    nobody = installed.run("attach", "no-such-function", "--latency", "1ms", code=2, **account)
    assert "no-such-function" in nobody.stderr


def test_nothing_is_written_beside_the_package(installed: Installed):
    """A system administrator's installation is not the user's to write to."""
    (folder,) = installed.home.glob("venv/lib/python3.*/site-packages/faultlayer_cli/data/layers")
    zips = {f"faultlayer-{each}.zip" for each in ARCHITECTURES}
    assert {path.name for path in folder.iterdir()} == {"licenses", *zips}
