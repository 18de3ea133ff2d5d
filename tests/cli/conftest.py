"""The command as a user meets it: arguments in; exit code, standard output and error out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cli_support import Command, Said, Started
from docker_support import client, image, left, look  # noqa: F401 - fixtures

import machine
from faultlayer_cli import main
from faultlayer_cli.commands import local
from faultlayer_cli.errors import Failure
from faultlayer_cli.running.launch import Launch
from faultlayer_cli.running.namespaces import unshare_command


@pytest.fixture(autouse=True)
def no_faults_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's own FAULTLAYER_ variables count, so here there are none."""
    for name in [name for name in os.environ if name.startswith("FAULTLAYER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command with these arguments, up to where it would start the emulator."""

    def call(*arguments: object) -> Said:
        started: list[Launch] = []
        monkeypatch.setattr(local, "answer", lambda launch, *_, **__: started.append(launch))
        code = main.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err, started[0] if started else None)

    return call


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skips where the layer cannot be mounted at /opt; on CI that would hide the tests."""
    try:
        unshare_command()
    except Failure as refusal:
        machine.lacks(refusal)


@pytest.fixture
def spawned(tmp_path: Path) -> Iterator[Started]:
    """Starts the real command; its temporary files go to `tmp_path / "tmp"`."""
    processes: list[subprocess.Popen[str]] = []
    scratch = tmp_path / "tmp"
    scratch.mkdir()

    def start(
        *arguments: object,
        before: Sequence[str] = (),
        stderr: int = subprocess.PIPE,
        **variables: str,
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "faultlayer_cli", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "TMPDIR": str(scratch), **variables},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def started(namespaces: None, spawned: Started) -> Started:
    """The same where it can do without Docker."""
    return spawned
