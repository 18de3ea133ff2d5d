"""Static programs by the proxy: each fault, beside a really bad host."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import machine
from clients import programs
from clients.cases import BODY, CASES, UNTOUCHED, UNTOUCHED_TLS, Case, Hosts, plan
from clients.conftest import injected
from clients.programs import Program
from clients.test_real_clients import plain
from faultlayer.dependencies import ways
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers.wrap_package import ORIGIN, SCRIPT
from faultlayer_cli.running import namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction
from rie.support import Function
from runtimes import builds

_TRIES = 4  # an error may depend on which packet is first
pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("clients-1")]


@dataclass
class Static:
    """A static program twice: with all faults, and without the layer's faults."""

    program: Program
    hosts: Hosts
    faulted: Function
    direct: Function

    def call(self, function: Function, case: Case, *, real: bool, request_id: str = "") -> Any:
        """Invoke the program; return the client's outcome."""
        answer = function.invoke(self.hosts.event(case, real=real), request_id)
        assert answer.body, function.log[-2000:]
        (got,) = answer.json().values()
        return got


Start = Callable[..., Function]


@contextmanager
def functions(program: Program, hosts: Hosts, settings: Path) -> Iterator[Start]:
    """Starts functions of this program, with these variables."""
    try:
        namespaces.unshare_command()
        folder = builds.build(program, print)
    except (Failure, builds.Unavailable) as error:
        machine.lacks(f"{program.title}: {error}")
    settings.write_text(hosts.resolv_conf())
    shown = {"/etc/resolv.conf": settings, "/var/authority.pem": hosts.authority.path}
    with ExitStack() as stack:

        def start(bootstrap: Path = folder / "bootstrap", **variables: str | None) -> Function:
            env = {"AWS_EXECUTION_ENV": None, **variables}
            function = LocalFunction(folder, program.handler, env, timeout=60, memory=512)
            return Function(
                stack.enter_context(Emulator(function, bootstrap=bootstrap, shown=shown))
            )

        yield start


@pytest.fixture(scope="module", params=programs.STATIC, ids=lambda program: program.name)
def static(request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: Any) -> Iterator[Static]:
    program: Program = request.param
    settings = tmp_path_factory.mktemp("settings") / "resolv.conf"
    with functions(program, hosts, settings) as start:
        yield Static(program, hosts, start(FAULTLAYER_PLAN=json.dumps(plan(1))), start())


@pytest.fixture
def start(hosts: Hosts, tmp_path: Path) -> Iterator[Start]:
    with functions(programs.GO_STATIC, hosts, tmp_path / "resolv.conf") as found:
        yield found


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
DIFFERENT: dict[str, dict[tuple[str, bool], str | tuple[str, ...]]] = {
    "go": {
        ("dns-nxdomain", False): "read: connection reset by peer {ECONNRESET}",
        ("dns-nxdomain", True): ": dial tcp: lookup HOST: no such host {}",
        ("dns-servfail", False): "read: connection reset by peer {ECONNRESET}",
        ("dns-servfail", True): ": dial tcp: lookup HOST: server misbehaving {}",
        # the resolver gives up when the client does: whichever is first
        ("dns-timeout", False): (
            "timeout awaiting response headers {Timeout()}",
            "read: connection reset by peer {ECONNRESET}",
        ),
        ("dns-timeout", True): (
            "(Client.Timeout exceeded while awaiting headers) {Timeout()}",
            ": dial tcp: lookup HOST: i/o timeout {}",
        ),
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
        ("dns-timeout", False): (
            "operation timed out",
            "Connection reset by peer (os error 104)",
        ),
        ("dns-timeout", True): ("operation timed out", "tunnel error: unsuccessful"),
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
        (line,) = injected(static.faulted, request_id)
        assert (line["event"], line["fault"]) == ("fault_injected", case.fault)
        assert line["host"] == f"fault-{case.name}.up.test"
        assert ("port" in line) is (case.fault != "dns")
        if expected is not None:
            assert plain(got["error"]).endswith(expected)
            return
        got = static.call(static.direct, case, real=True)
        real.add(plain(got["error"]))
        assert got["seconds"] >= case.least
        if faulted <= real:
            return
    assert faulted <= real


# -- which way, and what is said of it --------------------------------------------------------

REFUSED = {"FAULTLAYER_CONNECT": "refuse", "FAULTLAYER_CONNECT_HOSTS": "*.up.test"}


def called(function: Function, hosts: Hosts) -> str:
    """The error of a single call."""
    answer = function.invoke(hosts.event(UNTOUCHED, real=False))
    error: str = answer.json()["net/http"]["error"]
    return error


def reasons(function: Function) -> list[str]:
    """Why nothing was injected."""
    assert not function.lines("fault_injected")
    return [line["message"] for line in function.lines("fault_not_applied")]


def test_a_proxy_of_the_function_s_own_stays_and_one_line_says_so(
    start: Start, hosts: Hosts
) -> None:
    for redirect in ("auto", "proxy"):
        function = start(HTTPS_PROXY="http://own:3128", FAULTLAYER_REDIRECT=redirect, **REFUSED)
        assert [called(function, hosts) for _ in range(2)] == ["", ""]
        assert reasons(function) == [ways.HAS_PROXY]
        assert not function.lines("connections_redirected")


def test_a_static_program_that_is_to_load_the_shim_is_not_reached(
    start: Start, hosts: Hosts
) -> None:
    function = start(FAULTLAYER_REDIRECT="preload", **REFUSED)
    assert [called(function, hosts) for _ in range(2)] == ["", ""]
    assert reasons(function) == [ways.NOBODY]


def test_what_a_shell_starts_is_not_known_but_may_be_said(
    start: Start, hosts: Hosts, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexec ./clients\n")
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text('#!/bin/sh\nexec "$AWS_LAMBDA_EXEC_WRAPPER" /var/runtime/script\n')
    for path in (script, bootstrap):
        path.chmod(0o755)
    function = start(bootstrap, **REFUSED)
    assert called(function, hosts) == ""
    assert reasons(function) == [ways.NOBODY], "the shell has loaded the shim: that is not enough"
    function = start(bootstrap, FAULTLAYER_REDIRECT="proxy", **REFUSED)
    assert "connection reset" in called(function, hosts)
    (line,) = function.lines("fault_injected")
    assert line["host"] == "fault-untouched.up.test"


def test_a_wrapped_package_is_reached_without_the_exec_wrapper(
    start: Start, hosts: Hosts, tmp_path: Path
) -> None:
    folder = builds.build(programs.GO_STATIC, print)
    shutil.copy(folder / "clients", tmp_path / ORIGIN.decode())
    bootstrap = Path(shutil.copy(SCRIPT, tmp_path / "bootstrap"))
    bootstrap.chmod(0o755)
    function = start(bootstrap, AWS_LAMBDA_EXEC_WRAPPER=None, **REFUSED)
    assert "connection reset" in called(function, hosts)
    assert [line["way"] for line in function.lines("connections_redirected")] == ["proxy"]


def test_a_request_that_does_not_come_by_is_said(start: Start, hosts: Hosts) -> None:
    function = start(NO_PROXY="up.test", **REFUSED)
    assert called(function, hosts) == ""
    assert reasons(function) == [ways.UNTOUCHED_BY_PROXY]


def test_a_wrong_way_is_one_line_and_the_usual_way(start: Start, hosts: Hosts) -> None:
    function = start(FAULTLAYER_REDIRECT="tunnel", **REFUSED)
    assert "connection reset" in called(function, hosts)
    (line,) = function.lines("config_error")
    assert line["variable"] == "FAULTLAYER_REDIRECT"
    assert line["message"] == (
        "is not one of proxy, preload, auto; allowed: one of proxy, preload, auto"
    )


def test_its_hosts_are_observed(start: Start, hosts: Hosts) -> None:
    function = start(FAULTLAYER_OBSERVE="hosts")
    assert [called(function, hosts) for _ in range(3)] == [""] * 3
    function.emulator.stop()
    (line,) = function.lines("host_observed")
    assert (line["host"], line["connections"]) == ("fault-untouched.up.test", 3)
    assert line["received"] > 3 * len(BODY)
