"""The proxy between a fake upstream and a fake runtime."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = str(Path(__file__).resolve().parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from fakes.agents import Agent, AppConfigAgent, SsmAgent  # noqa: E402
from fakes.proxied import Address, Logged, Proxied, log_lines, park, start  # noqa: E402
from fakes.runtime_api import RuntimeApi  # noqa: E402
from fakes.scripted import Server  # noqa: E402
from fakes.settled import injections, settled  # noqa: E402

__all__ = ["injections", "settled"]


@pytest.fixture(autouse=True)
def all_settled(settled: None) -> None:
    """Every injection is settled once, whatever becomes of the runtime and of Lambda."""


@pytest.fixture(autouse=True)
def parked() -> Iterator[None]:
    """What still reads a plan when a test ends must not speak in the next one."""
    yield
    park()


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


@pytest.fixture
def proxied() -> Proxied:
    """Starts a proxy before this server; faults are given as `LATENCY="1s"` and so on."""

    def begin(server: Server, **faults: str) -> Address:
        named = {f"FAULTLAYER_{name}": text for name, text in faults.items()}
        return start(server.address, named or None)

    return begin


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Logged:
    """The log lines since it was last called, of one event where it is named."""

    def read(event: str = "") -> list[dict[str, Any]]:
        lines = log_lines(capfd.readouterr().out)
        return [line for line in lines if not event or line["event"] == event]

    return read


@pytest.fixture(params=[SsmAgent, AppConfigAgent], ids=["ssm", "appconfig"])
def agent(request: pytest.FixtureRequest) -> Iterator[Agent]:
    """A stand-in for one of AWS's agents, for each of them."""
    with request.param() as server:
        yield server
        park()  # while it still answers, so that nobody waits for it in vain
    assert not server.errors


@pytest.fixture
def serve(api: RuntimeApi) -> Callable[..., Address]:
    """A proxy with this agent's plan; variables as for `proxied`."""

    def begin(agent: Agent, **variables: str) -> Address:
        named = {f"FAULTLAYER_{name}": text for name, text in variables.items()}
        given = {"FAULTLAYER_PLAN": agent.source, "FAULTLAYER_POLL": "50ms", **agent.environ}
        return start(api.address, given | named)

    return begin
