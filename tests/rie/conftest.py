"""The real Runtime Interface Emulator with the real layer, and what its answers tell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

import machine
from faultlayer_cli.running.emulator import TASK, Emulator
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.terminal import TERMINAL
from rie.held import held as held  # a fixture
from rie.support import Function

PROBE = Path(__file__).parent / "functions" / "probe"


def _namespaces() -> bool:
    command = ["unshare", "-m", "true"] if os.geteuid() == 0 else ["unshare", "-rm", "true"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="session", autouse=True)
def namespaces() -> None:
    """Skip where the layer cannot be mounted at /opt; on CI that is a failure."""
    if not _namespaces():
        machine.lacks("mount namespaces are not allowed here: the layer cannot be mounted at /opt")


@pytest.fixture
def run() -> Iterator[Callable[..., Function]]:
    """Start the probe with these variables; everything is stopped at the end of the test."""
    with ExitStack() as stack:

        def start(
            *,
            handler: str = "app.handler",
            timeout: int = 5,
            layer: Path | None = None,
            shown: Mapping[str, Path] | None = None,
            **variables: str,
        ) -> Function:
            env = {"AWS_LAMBDA_EXEC_WRAPPER": f"{TASK}/first-wrapper", **variables}
            function = LocalFunction(PROBE, handler, env, timeout, layer=layer)
            emulator = Emulator(function, shown=shown, progress=TERMINAL)
            return Function(stack.enter_context(emulator))

        yield start
