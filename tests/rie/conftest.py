"""The real Runtime Interface Emulator with the real layer, and what its answers tell."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from faultlayer_cli.emulator import Answer, Emulator

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
        reason = "mount namespaces are not allowed here, so the layer cannot be mounted at /opt"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


class Function:
    """A running function, and the questions the tests ask of it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def invoke(self, event: Any = None) -> Answer:
        return self.emulator.invoke(json.dumps({} if event is None else event).encode())

    @property
    def log(self) -> str:
        return self.emulator.log

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The layer's own log lines, of one kind or of all."""
        found = []
        for line in self.log.splitlines():
            start = line.find('{"source":"faultlayer"')
            if start >= 0:
                record = json.loads(line[start:])
                if not event or record["event"] == event:
                    found.append(record)
        return found

    def ran(self) -> list[str]:
        """The request ids that the handler saw, in order."""
        marker = "HANDLER RAN "
        return [
            line.partition(marker)[2].strip() for line in self.log.splitlines() if marker in line
        ]


@pytest.fixture
def run() -> Iterator[Callable[..., Function]]:
    """Start the probe with these variables; everything is stopped at the end of the test."""
    with ExitStack() as stack:

        def start(
            *, handler: str = "app.handler", timeout: int = 5, **variables: str
        ) -> Function:
            emulator = Emulator(PROBE, handler, env=variables, timeout=timeout)
            return Function(stack.enter_context(emulator))

        yield start


def told(answer: Answer) -> dict[str, Any]:
    """What the probe says of itself in the body of its HTTP-shaped answer."""
    result: dict[str, Any] = json.loads(json.loads(answer.body)["body"])
    return result
