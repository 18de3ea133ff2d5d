"""Static programs by the proxy: each fault, beside the same program at a host where it is so."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import machine
from clients import programs
from clients.cases import BODY, CASES, UNTOUCHED, UNTOUCHED_TLS, Case, Hosts, plan
from clients.programs import Program
from clients.test_real_clients import check_line, plain
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction
from rie.support import Function
from runtimes import builds

_TRIES = 4  # an error may depend on which packet is first
pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("clients-1")]


@dataclass
class Static:
    """A static program twice: with all faults in its plan, and without the layer's faults."""

    program: Program
    hosts: Hosts
    faulted: Function
    direct: Function

    def call(self, function: Function, case: Case, *, real: bool, request_id: str = "") -> Any:
        """What the client got."""
        answer = function.invoke(self.hosts.event(case, real=real), request_id)
        assert answer.body, function.log[-2000:]
        (got,) = answer.json().values()
        return got


@pytest.fixture(scope="module", params=programs.STATIC, ids=lambda program: program.name)
def static(request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: Any) -> Iterator[Static]:
    program: Program = request.param
    try:
        namespaces.unshare_command()
        folder = builds.build(program, print)
    except (Failure, builds.Unavailable) as error:
        machine.lacks(f"{program.title}: {error}")
    settings: Path = tmp_path_factory.mktemp("settings") / "resolv.conf"
    settings.write_text(hosts.resolv_conf())
    shown = {"/etc/resolv.conf": settings, "/var/authority.pem": hosts.authority.path}
    with ExitStack() as stack:

        def start(**variables: str | None) -> Function:
            env = {"AWS_EXECUTION_ENV": None, **variables}
            function = LocalFunction(folder, program.handler, env, timeout=60, memory=512)
            emulator = Emulator(function, bootstrap=folder / "bootstrap", shown=shown)
            return Function(stack.enter_context(emulator))

        faulted = start(FAULTLAYER_PLAN=json.dumps(plan(1)))
        yield Static(program, hosts, faulted, start())


@pytest.mark.parametrize("case", [UNTOUCHED, UNTOUCHED_TLS], ids=lambda case: case.name)
def test_untouched(static: Static, case: Case) -> None:
    for function in (static.faulted, static.direct):
        got = static.call(function, case, real=False)
        assert (got["error"], got["bytes"]) == ("", len(BODY))
    assert [line["way"] for line in static.faulted.lines("connections_redirected")] == ["proxy"]
    assert not static.faulted.lines("fault_injected")
    assert not static.direct.lines()


# A client of a proxy neither looks the name up nor connects: then its error differs from the real
# one. docs/dependencies.md has this table.
DIFFERENT = {
    "go": {
        ("dns-nxdomain", False): "read: connection reset by peer {ECONNRESET}",
        ("dns-nxdomain", True): ": dial tcp: lookup HOST: no such host {}",
        ("dns-servfail", False): "read: connection reset by peer {ECONNRESET}",
        ("dns-servfail", True): ": dial tcp: lookup HOST: server misbehaving {}",
        ("dns-timeout", False): "timeout awaiting response headers {Timeout()}",
        ("dns-timeout", True): "(Client.Timeout exceeded while awaiting headers) {Timeout()}",
        ("connect-refuse", False): "read: connection reset by peer {ECONNRESET}",
        ("connect-refuse", True): "read: connection reset by peer {ECONNRESET}",
        ("connect-blackhole", False): "timeout awaiting response headers {Timeout()}",
        ("connect-blackhole", True): "(Client.Timeout exceeded while awaiting headers) {Timeout()}",
        # the real host answers with HTTP, which Go tells from other bytes
        ("tls-garbage", True): "first record does not look like a TLS handshake {}",
    },
    "rust-static": {
        ("dns-nxdomain", False): "Connection reset by peer (os error 104)",
        ("dns-nxdomain", True): "tunnel error: unsuccessful",
        ("dns-servfail", False): "Connection reset by peer (os error 104)",
        ("dns-servfail", True): "tunnel error: unsuccessful",
        ("connect-refuse", False): "Connection reset by peer (os error 104)",
        ("connect-refuse", True): "establishing tunnel < Connection reset by peer (os error 104)",
    },
}
PAIRS = [
    pytest.param(case, secure, id=f"{case.name}-{'https' if secure else 'http'}")
    for case in CASES
    for secure in (False, True)
    if secure or case.fault != "tls"
]


@pytest.mark.parametrize(("case", "secure"), PAIRS)
def test_each_fault_is_the_real_thing_as_far_as_a_proxy_can(
    static: Static, case: Case, secure: bool
) -> None:
    case = replace(case, secure=secure)
    expected = DIFFERENT[static.program.name].get((case.name, secure))
    faulted, real = set(), set()
    for _ in range(_TRIES):
        request_id = str(uuid.uuid4())
        got = static.call(static.faulted, case, real=False, request_id=request_id)
        faulted.add(plain(got["error"]))
        assert got["seconds"] >= case.least
        (line,) = (
            line
            for line in static.faulted.lines("fault_injected")
            if line["request_id"] == request_id
        )
        check_line(line, case)
        if expected is not None:
            assert plain(got["error"]).endswith(expected)
            return
        got = static.call(static.direct, case, real=True)
        real.add(plain(got["error"]))
        assert got["seconds"] >= case.least
        if faulted <= real:
            return
    assert faulted <= real
