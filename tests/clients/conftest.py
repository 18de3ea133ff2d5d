"""Real clients in functions under the real emulator, and their hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import machine
from clients import programs
from clients.cases import Case, Hosts, plan
from clients.programs import PROGRAMS, Program
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from faultlayer_cli.terminal import TERMINAL
from rie.held import Held
from runtimes import builds


@dataclass
class Calling:
    """A running function that calls hosts."""

    program: Program
    function: Held
    hosts: Hosts

    def results(
        self,
        case: Case,
        *,
        real: bool = False,
        hit: bool = True,
        request_id: str = "",
        **more: Any,
    ) -> dict[str, Any]:
        """Each client's outcome: `error`, `bytes`, `seconds`.

        `more` is for the function.
        """
        whole = self.hosts.event(case, real=real) | more
        if not hit:
            whole["case"] = ""
        answer = self.function.invoke(whole, request_id)
        assert answer.body, self.function.log[-2000:]
        told: dict[str, Any] = answer.json()
        assert set(told) == set(self.program.clients), told
        return told


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(stack, tmp_path_factory.mktemp("hosts"))


def injected(function: Held, request_id: str) -> list[dict[str, Any]]:
    """Injections that the layer logged in this invocation."""
    return [line for line in function.lines() if line.get("request_id") == request_id]


@contextmanager
def running(
    program: Program, hosts: Hosts, plan: dict[str, Any], folder: Path, handler: str = ""
) -> Iterator[Held]:
    """The program's function with this plan, until the end of the block."""
    try:
        namespaces.unshare_command()
        built = builds.build(program, print)
    except (Failure, builds.Unavailable) as error:
        machine.lacks(f"{program.title}: {error}")
    if program is programs.PHP and not programs.has_curl():
        machine.lacks("PHP has no curl (Debian: apt-get install php-curl)")
    settings = folder / "resolv.conf"
    settings.write_text(hosts.resolv_conf())
    shown = {"/etc/resolv.conf": settings, "/var/authority.pem": hosts.authority.path}
    env: dict[str, str | None] = {
        "FAULTLAYER_PLAN": json.dumps(plan),
        "NODE_EXTRA_CA_CERTS": "/var/authority.pem",
    }
    bootstrap = None if program.runtime else built / "bootstrap"
    if bootstrap:
        env["AWS_EXECUTION_ENV"] = None
    function = LocalFunction(
        built,
        handler or program.handler,
        env,
        timeout=60,
        memory=512,
        runtime=program.runtime or Runtime.PYTHON,
    )
    emulator = Emulator(function, bootstrap=bootstrap, shown=shown, progress=TERMINAL)
    with emulator:
        yield Held(emulator)


@pytest.fixture(scope="session", params=PROGRAMS, ids=lambda program: program.name)
def calling(
    request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Calling]:
    """One language's function, with all faults of connections in its plan."""
    program: Program = request.param
    faults = plan(len(program.clients))
    with running(program, hosts, faults, tmp_path_factory.mktemp("settings")) as function:
        yield Calling(program, function, hosts)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers share the languages: each keeps its functions and hosts."""
    for item in items:
        found = getattr(item, "callspec", None)
        program = found.params.get("calling") if found else None
        if isinstance(program, Program):
            item.add_marker("whole")
            half = "1" if program.name in ("python", "rust", "ruby") else "2"
            item.add_marker(pytest.mark.xdist_group(f"clients-{half}"))
