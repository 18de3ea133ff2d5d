"""The proxy between a fake upstream and a fake runtime: in this process, or as one of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "extension", ROOT / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from fakes.runtime_api import RuntimeApi  # noqa: E402
from fakes.scripted import Server  # noqa: E402
from faultlayer import config, proxy, sockets  # noqa: E402

Address = tuple[str, int]
Proxied = Callable[..., Address]

# Armed, so that the proxy is in the path and decides each time; the first draw never is below it.
NEVER = {"FAULTLAYER_LATENCY": "1ms", "FAULTLAYER_LATENCY_RATE": "0.000000000000001"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


@pytest.fixture
def upstream() -> Iterator[Server]:
    """A server whose script the test sets."""
    with Server() as server:
        yield server
    assert not server.errors


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    """A Runtime API that keeps the documented rules."""
    with RuntimeApi() as server:
        yield server
    assert not server.errors
    assert not server.doubled


def start(upstream: Address, variables: dict[str, str] | None = None) -> Address:
    """A proxy in this process, with these variables; its address. It lives until the end."""
    settings = config.read(NEVER if variables is None else variables)
    assert settings.aim is not None, [problem.message for problem in settings.problems]
    listener, port = sockets.listen(0)
    proxy.serve(listener, upstream, settings.aim)
    return sockets.LOOPBACK, port


@pytest.fixture
def proxied() -> Proxied:
    """Starts a proxy before this server; faults are given as `LATENCY="1s"` and so on."""

    def begin(server: Server, **faults: str) -> Address:
        named = {f"FAULTLAYER_{name}": text for name, text in faults.items()}
        return start(server.address, named or None)

    return begin


Logged = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Logged:
    """The log lines since it was last called, by event name where one is given."""

    def read(event: str = "") -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert all(line["source"] == "faultlayer" for line in lines)
        return [line for line in lines if not event or line["event"] == event]

    return read
