"""The extension as a process, from its start to SHUTDOWN, and when something is wrong."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.proxied import NEVER, Extension, soon
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.scripted import Conn, Server
from fakes.wire import Wire

LATENCY = {"FAULTLAYER_LATENCY": "1ms"}
WRAPPER = Path(__file__).resolve().parents[2] / "wrapper" / "faultlayer-wrapper"
ADAPTER = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def listeners(pid: int) -> set[str]:
    """The local addresses that this process listens on, as /proc/net/tcp writes them."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        link = Path(f"/proc/{pid}/fd/{name}").readlink()
        inodes.add(str(link).removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1])
    return found


def test_it_listens_and_publishes_before_it_registers_once(api: RuntimeApi, folder: Path) -> None:
    def look() -> None:
        # As Lambda would: once this is answered, the runtime may start and connect.
        host, port = extension.address
        with Wire.to((host, port)):
            api.at_registration.append(extension.path.read_text())

    api.on_register = look
    with Extension(api.host, folder, **LATENCY) as extension:
        api.wait_polls(1)
        (registration,) = api.registrations
        assert json.loads(registration.content) == {"events": ["SHUTDOWN"]}
        assert registration.header("lambda-extension-name") == "faultlayer"
        address, pid, born = api.at_registration[0].split()
        assert address == f"127.0.0.1:{extension.address[1]}"
        assert int(pid) == extension.process.pid
        assert born == Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()
        time.sleep(0.1)
        assert len(api.registrations) == 1
        assert [line["fault"] for line in extension.log] == ["latency"]


def test_it_listens_on_loopback_only(api: RuntimeApi, folder: Path) -> None:
    with Extension(api.host, folder, **LATENCY) as extension:
        api.wait_polls(1)
        assert listeners(extension.process.pid) == {f"0100007F:{extension.address[1]:04X}"}


@pytest.mark.parametrize(
    ("variables", "problems"),
    [
        ({}, 0),
        ({**LATENCY, "FAULTLAYER_DISABLED": "true"}, 0),
        ({**LATENCY, "FAULTLAYER_RATE": "0"}, 0),
        ({"FAULTLAYER_LATENCY": "soon"}, 1),
        ({"FAULTLAYER_LATENCY": ""}, 0),
        ({**LATENCY, "FAULTLAYER_DISABLED": "perhaps"}, 1),
        ({**LATENCY, "FAULTLAYER_RUNTIME_API": "nowhere"}, 1),
    ],
    ids=str,
)
def test_with_nothing_to_inject_the_runtime_starts_untouched(
    api: RuntimeApi, folder: Path, variables: dict[str, str], problems: int
) -> None:
    (folder / "address").write_text("127.0.0.1:1 1 1\n")  # of an earlier environment
    with Extension(api.host, folder, **variables) as extension:
        api.wait_polls(1)
        assert not extension.path.exists()
        assert len(api.registrations) == 1
        assert extension.status("Threads") == 1
        assert not listeners(extension.process.pid)
        assert [line["event"] for line in extension.log] == ["config_error"] * problems
        api.shutdown()
        assert extension.exit_code() == 0


def test_an_end_in_the_past_is_told_at_the_start(api: RuntimeApi, folder: Path) -> None:
    with Extension(api.host, folder, **LATENCY, FAULTLAYER_END="2020-01-01T00:00Z") as extension:
        api.wait_polls(1)
        assert not extension.path.exists()
        (line,) = extension.log
        assert (line["level"], line["event"]) == ("info", "window_over")
        assert line["variable"] == "FAULTLAYER_END"
        assert line["message"] == "is in the past: nothing is injected any more"


@pytest.mark.parametrize("listening", [True, False])
def test_a_port_that_is_taken_is_replaced(api: RuntimeApi, folder: Path, listening: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if listening:
            taken.listen()
        port = taken.getsockname()[1]
        with Extension(api.host, folder, **LATENCY, FAULTLAYER_PORT=str(port)) as extension:
            api.wait_polls(1)
            assert extension.address[1] != port
            with Runtime(extension.address) as runtime:
                api.invoke()
                runtime.turn()


def test_a_port_that_is_free_is_used(api: RuntimeApi, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for _ in range(2):  # again at once, as after a restart
        with Extension(api.host, folder, **LATENCY, FAULTLAYER_PORT=str(port)) as extension:
            api.wait_polls(1)
            assert extension.address[1] == port
            with Runtime(extension.address) as runtime:
                api.invoke()
                runtime.turn()
        api.event_polls = 0


def test_shutdown(api: RuntimeApi, folder: Path) -> None:
    """With a runtime that waits and an invocation held, within a second and without a word."""
    with Extension(api.host, folder, FAULTLAYER_LATENCY="60s") as extension:
        api.wait_polls(1)
        api.invoke()
        with Runtime(extension.address) as held, Runtime(extension.address) as waiting:
            held.wire.send(NEXT)
            waiting.wire.send(NEXT)
            assert soon(lambda: extension.log)
            begun = time.monotonic()
            api.shutdown()
            assert extension.exit_code() == 0
            assert time.monotonic() - begun < 1
        assert not extension.path.exists()
        assert [line["event"] for line in extension.log] == ["fault_injected"]


@pytest.mark.parametrize("wrapper", ["", "/opt/another", "/opt/faultlayer-wrapper"])
@pytest.mark.parametrize("came", [True, False])
def test_nobody_comes_to_the_proxy(api: RuntimeApi, folder: Path, wrapper: str, came: bool) -> None:
    """What came was redirected, whatever started it; if nobody came, both reasons are named."""
    with Extension(api.host, folder, **NEVER, AWS_LAMBDA_EXEC_WRAPPER=wrapper) as extension:
        api.wait_polls(1)
        if came:
            with Runtime(extension.address) as runtime:
                api.invoke()
                runtime.turn()
        api.shutdown()
        assert extension.exit_code() == 0
        assert {line["event"] for line in extension.log} <= {"not_redirected"}
        ours = wrapper == "/opt/faultlayer-wrapper"
        assert len(extension.log) == (0 if came else 1 if ours else 2)


@pytest.mark.parametrize("fault", [NEVER, {"FAULTLAYER_ENV": '{"A":"b"}'}], ids=["proxy", "none"])
def test_a_runtime_that_asks_lambda_itself_is_told_of_at_once(
    api: RuntimeApi, folder: Path, fault: dict[str, str]
) -> None:
    script = "import socket, sys\nsock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
    command = [sys.executable, "-c", f"{script}\ninput()", str(api.address[1])]
    with Extension(api.host, folder, **fault, AWS_LAMBDA_EXEC_WRAPPER="") as extension:
        api.wait_polls(1)
        with subprocess.Popen(
            command, env={"_HANDLER": "app.handler"}, stdin=subprocess.PIPE
        ) as runtime:
            assert soon(lambda: extension.log)
            (line,) = extension.log
            assert (line["event"], line["variable"]) == (
                "not_redirected",
                "AWS_LAMBDA_EXEC_WRAPPER",
            )
            runtime.communicate(b"\n")
        api.shutdown()
        assert extension.exit_code() == 0
        variables = [line.get("variable") for line in extension.log]
        assert variables.count("AWS_LAMBDA_EXEC_WRAPPER") == 1


@pytest.mark.parametrize("fault", [{}, NEVER], ids=["idle", "armed"])
def test_variables_that_the_wrapper_s_shell_drops_are_named(
    api: RuntimeApi, folder: Path, fault: dict[str, str]
) -> None:
    """Only those, and only if that shell drops them: see tests/wrapper."""
    odd = {"spring.profiles.active": "secret", "A-B": "secret", "1A": "secret", "A_1": "secret"}
    shell = Path("/bin/sh").readlink().name if Path("/bin/sh").is_symlink() else "bash"
    with Extension(api.host, folder, **odd, **fault) as extension:
        api.wait_polls(1)
        if shell.endswith("bash"):
            assert extension.log == []
        else:
            assert soon(lambda: extension.log)
            (line,) = extension.log
            assert (line["level"], line["event"]) == ("warn", "not_delivered")
            assert sorted(line["variables"]) == ["1A", "A-B", "spring.profiles.active"]
            assert "secret" not in json.dumps(line)


def test_it_ends_where_the_runtime_api_does(api: RuntimeApi, folder: Path) -> None:
    with Extension(api.host, folder, **LATENCY) as extension:
        api.wait_polls(1)
        api.close()
        extension.exit_code()
        assert not extension.path.exists()


@pytest.mark.parametrize("value", ["", "nowhere", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_a_runtime_api_that_is_none(folder: Path, value: str) -> None:
    with Extension(value, folder, **LATENCY) as extension:
        assert extension.exit_code() == 2
        (line,) = extension.log
        assert (line["event"], line["variable"]) == ("config_error", "AWS_LAMBDA_RUNTIME_API")
        assert not extension.path.exists()


def test_nobody_to_register_with(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with Extension(address, folder, **LATENCY) as extension:
        assert extension.exit_code() == 1
        assert [line["event"] for line in extension.log] == ["not_registered"]
        assert not extension.path.exists()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 500 No\r\nContent-Length: x\r\n\r\n",
        b"",
    ],
)
def test_a_registration_that_is_refused(folder: Path, upstream: Server, answer: bytes) -> None:
    def script(conn: Conn) -> None:
        conn.request()
        conn.send(answer)

    upstream.script = script
    with Extension(upstream.host, folder, **LATENCY) as extension:
        assert extension.exit_code() == 1
        assert [line["event"] for line in extension.log] == ["not_registered"]
        assert not extension.path.exists()


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Connection: close\r\n\r\nhello",
    ],
)
def test_a_registration_in_any_framing(folder: Path, upstream: Server, answer: bytes) -> None:
    """The answer's body is nobody's event: the extension lives until there is one."""

    def script(conn: Conn) -> None:
        while request := conn.request():
            if request.target.endswith("/register"):
                assert request.header("host") == upstream.host
                conn.send(b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: abc \r\n")
                head, blank, body = answer.partition(b"\r\n\r\n")
                conn.send(head + blank, body, pause=0.05)
                if b"close" in answer:
                    return
            else:
                assert request.header("lambda-extension-identifier") == "abc"
                conn.silent(0.3)
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    upstream.script = script
    begun = time.monotonic()
    with Extension(upstream.host, folder, **LATENCY) as extension:
        assert extension.exit_code() == 0
        assert time.monotonic() - begun > 0.3


def test_an_address_that_cannot_be_published(api: RuntimeApi, folder: Path) -> None:
    nowhere = str(folder / "missing" / "address")
    with Extension(api.host, folder, **LATENCY, _FAULTLAYER_ADDRESS=nowhere) as extension:
        api.wait_polls(1)
        (line,) = extension.log
        assert line["event"] == "start_failed"
        assert "No such file or directory" in line["message"]
        assert nowhere in line["message"]
        assert extension.status("Threads") == 1
        assert not listeners(extension.process.pid)
        api.shutdown()
        assert extension.exit_code() == 0


def test_a_stale_address_that_cannot_be_removed(api: RuntimeApi, folder: Path) -> None:
    (folder / "address").mkdir()
    with Extension(api.host, folder, **LATENCY) as extension:
        api.wait_polls(1)
        assert [line["event"] for line in extension.log] == ["start_failed"]
        api.shutdown()
        assert extension.exit_code() == 0


def test_another_proxy_as_upstream(api: RuntimeApi, folder: Path) -> None:
    """Invocations go to FAULTLAYER_RUNTIME_API; the registration to Lambda itself."""
    with (
        RuntimeApi() as other,
        Extension(api.host, folder, **NEVER, FAULTLAYER_RUNTIME_API=other.host) as extension,
    ):
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            invoked = other.invoke()
            assert runtime.turn() == invoked.request_id
        assert len(api.registrations) == 1
        assert not other.registrations
        assert not api.given


@pytest.mark.parametrize("host", ["127.0.0.1", "0", "[::1]"])
def test_the_proxy_is_never_its_own_upstream(api: RuntimeApi, folder: Path, host: str) -> None:
    """Each connection would make another, until there are no more descriptors."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    own = {"FAULTLAYER_PORT": str(port), "FAULTLAYER_RUNTIME_API": f"{host}:{port}"}
    with Extension(api.host, folder, **LATENCY, **own) as extension:
        api.wait_polls(1)
        assert not extension.path.exists()
        (line,) = extension.log
        assert (line["event"], line["variable"]) == ("config_error", "FAULTLAYER_RUNTIME_API")
        assert line["message"].startswith("is the proxy's own address; allowed: another proxy's")
        assert not listeners(extension.process.pid)


@pytest.mark.parametrize("wrapped", [True, False])
def test_variables_are_logged_as_injected_if_the_wrapper_has_changed_them(
    api: RuntimeApi, folder: Path, wrapped: bool
) -> None:
    """With the wrapper itself, and with a runtime that was started without it."""
    with Extension(api.host, folder, FAULTLAYER_ENV='{"A":"b","C":null}') as extension:
        api.wait_polls(1)
        assert not extension.log
        if wrapped:
            environ = {"_FAULTLAYER_ADDRESS": str(extension.path), "C": "d"}
            command = ["/bin/sh", WRAPPER, "/usr/bin/env"]
            done = subprocess.run(command, env=environ, capture_output=True, check=True)
            assert b"A=b\n" in done.stdout
            assert b"C=" not in done.stdout
            assert soon(lambda: extension.log), "at once, not at the end"
        api.shutdown()
        assert extension.exit_code() == 0
        (line,) = extension.log
        expected = "fault_injected" if wrapped else "fault_not_applied"
        assert (line["event"], line["fault"], line["phase"]) == (expected, "env", "init")


def test_configuration_trouble_leaves_the_other_faults(api: RuntimeApi, folder: Path) -> None:
    variables = {"FAULTLAYER_STATUS": "999", "FAULTLAYER_LATENCYY": "1"}
    with Extension(api.host, folder, **LATENCY, **variables) as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()
        events = [(line["event"], line.get("variable")) for line in extension.log]
        assert sorted(events, key=str) == [
            ("config_error", "FAULTLAYER_LATENCYY"),
            ("config_error", "FAULTLAYER_STATUS"),
            ("fault_injected", None),
        ]


def test_out_of_descriptors_and_back(api: RuntimeApi, folder: Path) -> None:
    """It waits for better times, without a flood of lines and without burning CPU time."""
    with Extension(api.host, folder, **NEVER) as extension:
        api.wait_polls(1)
        pid = extension.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (extension.descriptors() + 6,) * 2)
        clients = [Wire.to(extension.address) for _ in range(12)]
        time.sleep(0.3)
        before = ticks(pid)
        time.sleep(0.5)
        assert ticks(pid) - before < 10
        assert len(extension.log) < 5
        for client in clients:
            client.close()
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()


def ticks(pid: int) -> int:
    """Hundredths of seconds of CPU time used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_log_that_nobody_reads_stops_no_invocation(api: RuntimeApi, folder: Path) -> None:
    """Its lines are lost as a whole, and counted."""
    os.mkfifo(folder / "out")
    reader = os.open(folder / "out", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(reader, "rb") as read:
        fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, 4096)
        with Extension(api.host, folder, **LATENCY, FAULTLAYER_METRICS="emf") as extension:
            api.wait_polls(1)
            with Runtime(extension.address) as runtime:
                for _ in range(40):
                    api.invoke()
                    runtime.turn()
            found = read.read()
            api.shutdown()
            assert extension.exit_code() == 0
        lines = [json.loads(line) for line in (found + read.read()).splitlines()]
        lost = [line["lines"] for line in lines if line["event"] == "lines_lost"]
        assert len(lost) == 1
        assert len(lines) - 1 + lost[0] == 40
        assert all(line["injections"] == 1 for line in lines if "fault" in line)


def test_descriptors_are_not_passed_on(api: RuntimeApi, folder: Path) -> None:
    """Whatever a later fault starts must not hold the listener or a connection."""
    with Extension(api.host, folder, **NEVER) as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()
            pid = extension.process.pid
            for name in os.listdir(f"/proc/{pid}/fd"):
                if int(name) > 2:
                    flags = Path(f"/proc/{pid}/fdinfo/{name}").read_text()
                    assert int(flags.split("flags:")[1].split()[0], 8) & os.O_CLOEXEC


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /x HTTP/1.1\r\n", b"A: b\r\n" * 500),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 4000),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 500),
        (b"", b"\0" * 4000),
    ],
    ids=["head", "size line", "trailers", "no line"],
)
def test_what_never_ends_is_dropped_in_bounded_memory(
    api: RuntimeApi, folder: Path, begin: bytes, piece: bytes
) -> None:
    with Extension(api.host, folder, **NEVER) as extension:
        api.wait_polls(1)
        before = extension.status("VmHWM")
        for _ in range(3):
            with Wire.to(extension.address) as client, pytest.raises(ConnectionError):
                client.send(begin)
                for _ in range(10_000):
                    client.send(piece)
        assert extension.status("VmHWM") - before < 14 << 10
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()
        assert not extension.log


# -- the Lambda Web Adapter -----------------------------------------------------------------------

REGISTER = (
    b"POST /2020-01-01/extension/register HTTP/1.1\r\nHost: h\r\n"
    b'Lambda-Extension-Name: lambda-adapter\r\nContent-Length: 14\r\n\r\n{"events": []}'
)
WAIT = (
    b"GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: h\r\n"
    b"Lambda-Extension-Identifier: id-2\r\n\r\n"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("variables", "events"),
    [
        ({}, []),
        ({**LATENCY, "FAULTLAYER_DISABLED": "true"}, []),
        ({"FAULTLAYER_ENV": '{"A": "b"}'}, ["fault_not_applied"]),
        ({**LATENCY, "FAULTLAYER_LATENCY_MAX": "0"}, []),
        ({**LATENCY, "FAULTLAYER_END": "2020-01-01T00:00:00Z"}, ["window_over"]),
        ({"FAULTLAYER_LATENCY": "soon"}, ["config_error"]),
        ({**LATENCY, "FAULTLAYER_RUNTIME_API": "localhost:{port}"}, ["config_error"]),
        ({**LATENCY, "FAULTLAYER_RUNTIME_API": "nowhere"}, ["config_error"]),
        ({**LATENCY, "_FAULTLAYER_ADDRESS": "/missing/address"}, ["start_failed"]),
        (LATENCY, ["fault_injected"]),
    ],
    ids=str,
)
def test_the_web_adapter_is_always_served(
    api: RuntimeApi, folder: Path, variables: dict[str, str], events: list[str]
) -> None:
    """Idle or not: its registration, its wait for the end and its invocations pass."""
    port = free_port()
    told = {name: value.replace("{port}", str(port)) for name, value in variables.items()}
    told |= {"FAULTLAYER_PORT": str(port), ADAPTER: f"http://localhost:{port}"}
    with Extension(api.host, folder, **told) as extension:
        api.wait_polls(1)
        with Runtime(("127.0.0.1", port)) as waiting, Runtime(("127.0.0.1", port)) as adapter:
            answer = waiting.ask(REGISTER)
            assert answer.header("lambda-extension-identifier") == "id-2"
            assert api.registrations[1].header("lambda-extension-name") == "lambda-adapter"
            waiting.wire.send(WAIT)
            api.wait_polls(2)
            for _ in range(2):
                invocation = api.invoke()
                adapter.turn()
                assert invocation.result().kind == "response"
            api.shutdown()
            assert extension.exit_code() == 0
        found = [line["event"] for line in extension.log]
        assert found == events * (2 if variables is LATENCY else 1)


def test_an_adapters_registration_is_no_invocation(api: RuntimeApi, folder: Path) -> None:
    port = free_port()
    told = {"FAULTLAYER_PORT": str(port), ADAPTER: f"127.0.0.1:{port}"}
    with Extension(api.host, folder, **NEVER, **told) as extension:
        api.wait_polls(1)
        with Runtime(("127.0.0.1", port)) as adapter:
            adapter.ask(REGISTER)
            api.shutdown()
            assert extension.exit_code() == 0
        (line,) = extension.log
        assert line["event"] == "not_redirected"
        assert "no invocation came" in line["message"]


@pytest.mark.parametrize("idle", [True, False])
def test_the_web_adapters_port_is_taken(api: RuntimeApi, folder: Path, idle: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = {"FAULTLAYER_PORT": port, ADAPTER: f"127.0.0.1:{port}"}
        with Extension(api.host, folder, **told, **({} if idle else NEVER)) as extension:
            api.wait_polls(1)
            (line,) = extension.log
            assert (line["event"], line["variable"]) == ("config_error", ADAPTER)
            assert f"names port {port}, which another process has" in line["message"]
            assert bool(listeners(extension.process.pid)) == (not idle)


def test_a_web_adapter_that_is_sent_elsewhere_costs_nothing(api: RuntimeApi, folder: Path) -> None:
    with Extension(api.host, folder, **{ADAPTER: f"127.0.0.1:{free_port()}"}) as extension:
        api.wait_polls(1)
        assert not listeners(extension.process.pid)
        assert extension.log == []


def test_datadogs_own_proxy_is_named(api: RuntimeApi, folder: Path) -> None:
    told = {
        "FAULTLAYER_NEXT_WRAPPER": "/opt/datadog_wrapper",
        "DD_SERVERLESS_APPSEC_ENABLED": "true",
    }
    with Extension(api.host, folder, **NEVER, **told) as extension:
        api.wait_polls(1)
        (line,) = extension.log
        assert (line["event"], line["variable"]) == (
            "not_redirected",
            "DD_SERVERLESS_APPSEC_ENABLED",
        )
