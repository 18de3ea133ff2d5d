"""`faultlayer local --docker` for real: an engine, AWS's image or its stand-in, the built layer."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import registry
from cli_support import HELLO, Started

from faultlayer_cli import cache
from faultlayer_cli.emulator import PATH, free_port
from faultlayer_cli.engine import LABEL
from faultlayer_cli.local import IMAGE
from images import engine, stand_in

LOOK = """
import os
def attempt(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
def handler(event, context):
    with open("/tmp/mine", "a") as file:
        file.write("x")
    return {
        "environ": dict(os.environ),
        "opt": sorted(os.listdir("/opt")),
        "task": sorted(os.listdir("/var/task")),
        "tmp": os.listdir("/tmp"),
        "written": [attempt("/opt/x"), attempt("/var/task/x")],
        "timeout": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb,
        "event": event,
    }
"""
# In a namespace of its own, whose settings allow no others: as on a host that forbids them.
FORBIDDING = """
echo 0 >/proc/sys/user/max_user_namespaces &&
echo 0 >/proc/sys/user/max_mnt_namespaces && exec "$@"
"""


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """Skips where no engine answers; on CI that would hide the tests."""
    try:
        client = engine.connect()
    except engine.Unavailable as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> Iterator[str]:
    """AWS's image for our own version of Python, as users have it."""
    with stand_in.lent(client, IMAGE):
        yield IMAGE


@pytest.fixture
def crashing(client: docker.DockerClient, image: str) -> Callable[[str], str]:
    """An image whose entrypoint is this script."""

    def build(script: str) -> str:
        lines = f"FROM {image}\nENTRYPOINT {json.dumps(['sh', '-c', script])}\n"
        return engine.build(client, "local-crashing", lines, {})

    return build


@pytest.fixture
def look(tmp_path: Path) -> Path:
    folder = tmp_path / "look"
    folder.mkdir(0o700)
    (folder / "app.py").write_text(LOOK)
    (folder / "app.py").chmod(0o600)
    return folder


@pytest.fixture
def left(client: docker.DockerClient) -> Callable[[subprocess.Popen[str]], list[str]]:
    """What the engine still has of a run: containers and volumes."""

    def left(process: subprocess.Popen[str]) -> list[str]:
        found = []
        for thing in (*client.containers.list(all=True, ignore_removed=True), *volumes()):
            labels = thing.attrs.get("Labels") or thing.attrs.get("Config", {}).get("Labels") or {}
            if labels.get(LABEL, "").split(" ")[-1] == str(process.pid):
                found.append(thing.name)
        return found

    def volumes() -> list[Any]:
        return client.volumes.list(filters={"label": LABEL})

    return left


def named(left: list[str]) -> list[str]:
    """The containers among what is left; volumes have names of the engine's making."""
    return [name for name in left if name.startswith("faultlayer-")]


def serving(left: list[str]) -> str:
    """The container that runs the function; the other one only owns the files."""
    (name,) = [name for name in named(left) if not name.endswith("-files")]
    return name


def until(condition: Callable[[], object], patience: float = 60) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Standard error up to the line that contains this."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if wanted in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def ask(port: int, event: Any = None) -> Any:
    payload = json.dumps(event or {}).encode()
    url = f"http://127.0.0.1:{port}{PATH}"
    with urllib.request.urlopen(url, payload, timeout=60) as response:
        return json.loads(response.read())


def ours(err: str) -> list[str]:
    """What the command itself said, beside the log."""
    return [line for line in err.splitlines() if line.startswith("faultlayer: ")]


@pytest.mark.parametrize(
    ("flags", "answered", "logged", "ran"),
    [
        ([], {"statusCode": 200}, "greeting 3 characters", True),
        (["--latency", "300ms"], {"statusCode": 200}, '"fault":"latency"', True),
        (["--status", "503"], {"statusCode": 503}, '"fault":"status"', False),
        (
            ["--exception", "ValueError: no such order"],
            {"errorType": "ValueError", "errorMessage": "no such order"},
            '"fault":"exception"',
            False,
        ),
    ],
    ids=["untouched", "latency", "status", "exception"],
)
def test_the_opening_questions(spawned: Started, image, left, flags, answered, logged, ran):
    arguments = ["--docker", "--invoke", HELLO / "event.json", *flags]
    process = spawned("local", HELLO, *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    answer = json.loads(out)
    assert {key: answer.get(key) for key in answered} == answered
    assert logged in err
    assert ("greeting 3 characters" in err) is ran
    assert ('"source":"faultlayer"' in err) is bool(flags)
    assert left(process) == []


def test_the_function_sees_an_environment_like_lambdas(spawned: Started, image, look: Path):
    arguments = ["--function-env", "STAGE=test", "--function-timeout", 7, "--function-memory", 256]
    process = spawned("local", look, "--docker", "--invoke", "-", *arguments, SECRET="hidden")
    out, err = process.communicate("{}", timeout=120)
    assert process.returncode == 0, err
    seen: dict[str, Any] = json.loads(out)
    assert "SECRET" not in seen["environ"]
    assert seen["environ"]["STAGE"] == "test"
    assert seen["environ"]["AWS_LAMBDA_FUNCTION_NAME"] == "look"
    assert seen["environ"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/faultlayer-wrapper"
    assert seen["opt"] == ["extensions", "faultlayer", "faultlayer-wrapper"]
    assert seen["task"] == ["app.py"]
    assert seen["written"] == ["Read-only file system"] * 2
    assert seen["tmp"] == ["mine"]
    assert 6000 < seen["timeout"] <= 7000
    assert seen["memory"] == "256"
    assert sorted(entry.name for entry in look.iterdir()) == ["app.py"]


def test_a_variable_of_the_callers_counts(spawned: Started, image):
    process = spawned(
        "local", HELLO, "--docker", "--invoke", HELLO / "event.json", FAULTLAYER_STATUS="418"
    )
    out, err = process.communicate(timeout=120)
    assert json.loads(out)["statusCode"] == 418, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_told_to_end_and_leaves_nothing(
    spawned: Started, client, image, left, tmp_path: Path, number: signal.Signals
):
    port = free_port()
    process = spawned("local", HELLO, "--docker", "--listen", port, "--status", "503")
    assert f"http://127.0.0.1:{port}{PATH}" in read_until(process, "  curl -d ")
    assert [ask(port)["statusCode"] for _ in range(2)] == [503, 503]
    bound = client.containers.get(serving(left(process))).attrs["HostConfig"]["PortBindings"]
    assert bound in ({}, {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]})
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert left(process) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("stage", ["files", "container", "log"])
def test_an_interrupt_while_it_starts_leaves_nothing(spawned: Started, image, left, stage: str):
    process = spawned("local", HELLO, "--docker", "--listen", free_port())
    if stage == "log":
        read_until(process, "exec '/var/runtime/bootstrap'")
    else:
        until(
            lambda: any(
                name.endswith("-files") == (stage == "files") for name in named(left(process))
            )
        )
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in err
    assert left(process) == []


def test_what_a_killed_run_leaves_the_next_one_removes(spawned: Started, image, left):
    killed = spawned("local", HELLO, "--docker", "--listen", free_port())
    read_until(killed, "  curl -d ")
    killed.kill()
    killed.communicate()
    assert left(killed) != []
    running = spawned("local", HELLO, "--docker", "--listen", free_port())
    read_until(running, "  curl -d ")
    assert left(killed) == []
    another = spawned("local", HELLO, "--docker", "--invoke", HELLO / "event.json")
    another.communicate(timeout=120)
    assert left(running) != []  # for it lives


def test_two_at_once_do_not_meet(spawned: Started, image):
    arguments = ["local", HELLO, "--docker", "--invoke", HELLO / "event.json", "--status"]
    processes = [spawned(*arguments, code) for code in ("503", "418")]
    answers = [process.communicate(timeout=120)[0] for process in processes]
    assert [json.loads(answer)["statusCode"] for answer in answers] == [503, 418]


def test_a_port_that_is_taken(spawned: Started):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        process = spawned("local", HELLO, "--docker", "--listen", port)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert f"--listen {port} is taken" in err


def test_an_image_that_cannot_be_fetched(spawned: Started, client, left):
    image = "127.0.0.1:9/lambda/nodejs:22"  # a port on which nobody may listen
    process = spawned(
        "local", HELLO, "--invoke", HELLO / "event.json", "--image", image, "--handler", "i.handler"
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    fetching, refused = err.splitlines()
    assert fetching == f"faultlayer: fetching {image} (once)"
    assert refused.startswith(f"faultlayer: cannot fetch {image}: ")
    assert left(process) == []


def test_an_image_is_fetched_once_and_with_progress(spawned: Started, client, left):
    """This one cannot start, which is not the point; its size is noise, lest it shrink."""
    machine = {"x86_64": "amd64"}.get(cache.architecture(), "arm64")
    arguments = ["--invoke", HELLO / "event.json", "--handler", "index.handler", "--image"]
    with registry.serving(["/none"], machine, os.urandom(20_000_000)) as served:
        try:
            terminal, err = on_a_terminal(spawned, "local", HELLO, *arguments, served.image)
            assert f"faultlayer: fetching {served.image} (once)" in err
            assert re.search(r"\d+\.\d/20\.\d MB", err)
            process = spawned("local", HELLO, *arguments, served.image)
            (line,) = process.communicate(timeout=60)[1].splitlines()
        finally:
            client.images.remove(served.image)
    assert "/none" in line
    assert served.pulls == 1
    assert left(terminal) == left(process) == []


def on_a_terminal(spawned: Started, *arguments: object) -> tuple[subprocess.Popen[str], str]:
    """Runs it with a terminal as standard error; the process and what was shown."""
    ours, theirs = pty.openpty()
    process = spawned(*arguments, stderr=theirs, TERM="xterm", COLUMNS="100")
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # which is how a terminal ends
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    process.wait(60)
    return process, shown.decode()


@pytest.mark.parametrize("listening", [False, True])
def test_no_engine(spawned: Started, tmp_path: Path, listening: bool):
    path = tmp_path / "socket"
    with contextlib.ExitStack() as stack:
        if listening:  # and hanging up at once
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(path))
            server.listen()
            threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        host = f"unix://{path}"
        process = spawned(
            "local", HELLO, "--docker", "--invoke", HELLO / "event.json", DOCKER_HOST=host
        )
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith(f"faultlayer: no Docker engine answers at {host} (")
    assert list((tmp_path / "tmp").iterdir()) == []


def hang_up(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].close()


def test_a_container_that_ends_shows_its_first_error(spawned: Started, crashing, left):
    image = crashing("echo warming up; echo 'cannot go on: no fuel'; echo bye; exit 3")
    process = spawned("local", HELLO, "--invoke", HELLO / "event.json", "--image", image)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    (line,) = ours(err)
    assert line == (
        "faultlayer: the container ended by itself with exit code 3: cannot go on: no fuel"
    )
    assert "warming up" in err
    assert left(process) == []


def test_a_container_that_ends_while_it_serves(spawned: Started, client, image, left):
    process = spawned("local", HELLO, "--docker", "--listen", free_port())
    read_until(process, "  curl -d ")
    client.containers.get(serving(left(process))).kill()
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "faultlayer: the container ended by itself with exit code 137" in ours(err)[-1]
    assert left(process) == []


def test_an_entrypoint_that_is_not_there(spawned: Started, client, image, left):
    name = engine.build(client, "local-lost", f'FROM {image}\nENTRYPOINT ["/nothing"]\n', {})
    process = spawned("local", HELLO, "--invoke", HELLO / "event.json", "--image", name)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert "/nothing" in line
    assert left(process) == []


def test_a_layer_of_the_other_architecture(spawned: Started, image, left, tmp_path: Path):
    other = tmp_path / "other"
    (other / "extensions").mkdir(parents=True)
    (other / "extensions" / "faultlayer").touch()
    (other / "faultlayer").mkdir()
    (other / "faultlayer" / "manifest.json").write_text('{"architecture": "sparc"}')
    arguments = ["--docker", "--invoke", HELLO / "event.json", "--layer", other]
    process = spawned("local", HELLO, *arguments)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    (line,) = err.splitlines()
    assert "is for sparc" in line
    assert left(process) == []


class TestChosenByItself:
    """Where the kernel forbids what the native way needs."""

    @pytest.fixture
    def forbidden(self, tmp_path: Path) -> list[str]:
        """A command before others that runs them where no namespace may be made."""
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", FORBIDDING, "sh"]
        probe = subprocess.run([*command, "unshare", "--mount", "true"], capture_output=True)
        if not shutil.which("unshare") or b"unshare failed" not in probe.stderr:
            pytest.skip("no way to forbid namespaces here")
        return command

    def test_it_answers_and_says_so_in_one_line(self, spawned, image, left, forbidden):
        arguments = ["--invoke", HELLO / "event.json", "--status", "503"]
        process = spawned("local", HELLO, *arguments, before=forbidden)
        out, err = process.communicate(timeout=120)
        assert json.loads(out)["statusCode"] == 503, err
        (line,) = ours(err)
        assert re.fullmatch(f"faultlayer: runs in Docker, in {IMAGE}, since [^:]+", line)
        assert left(process) == []

    def test_without_an_engine_both_ways_are_told_in_one_line(self, spawned, forbidden):
        arguments = ["local", HELLO, "--invoke", HELLO / "event.json"]
        process = spawned(*arguments, before=forbidden, DOCKER_HOST="unix:///nonexistent")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, "")
        (line,) = err.splitlines()
        assert "no Docker engine answers at unix:///nonexistent" in line


class TestAnEngineElsewhere:
    """An engine whose loopback address is not ours: reached by an address of another interface."""

    @pytest.fixture
    def elsewhere(self, client: docker.DockerClient) -> Iterator[str]:
        """DOCKER_HOST of the same engine, by way of its bridge's address."""
        bridge = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
        address = bridge.get("Gateway", "")
        path = client.api.adapters["http+docker://"].socket_path
        try:
            server = socket.create_server((address, 0))
        except OSError as error:
            pytest.skip(f"the engine's bridge is not ours: {error}")
        with server:
            threading.Thread(target=forward, args=(server, path), daemon=True).start()
            yield f"tcp://{address}:{server.getsockname()[1]}"

    def test_it_answers_on_our_own_loopback_address(
        self, spawned, client, image, left, elsewhere, look
    ):
        port = free_port()
        process = spawned("local", look, "--docker", "--listen", port, DOCKER_HOST=elsewhere)
        read_until(process, "  curl -d ")
        big = {"text": "x" * 1_000_000}
        assert ask(port, big)["event"] == big
        assert client.containers.get(serving(left(process))).attrs["HostConfig"][
            "PortBindings"
        ] in ({}, None)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, ""), err
        assert "INVOKE START" in err
        assert left(process) == []


def forward(server: socket.socket, path: str) -> None:
    """Every connection to the engine's socket."""

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    with contextlib.suppress(OSError):
        while True:
            near = server.accept()[0]
            far = socket.socket(socket.AF_UNIX)
            far.connect(path)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()


def test_other_commands_do_not_pay_for_docker():
    script = "import sys, faultlayer_cli.main; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert "docker" not in out.split()
