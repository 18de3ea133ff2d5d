"""`faultlayer local --docker` for real: an engine, AWS's image or its stand-in, the built layer."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest
import registry
from cli_support import HELLO, Started
from docker_support import ask, named, ours, read_until, serving, until

from faultlayer_cli.running import downloads
from faultlayer_cli.running.emulator import PATH
from faultlayer_cli.running.ports import free_port
from images import engine


@pytest.fixture
def crashing(client: docker.DockerClient, image: str) -> Callable[[str], str]:
    """An image whose entrypoint is this script."""

    def build(script: str) -> str:
        lines = f"FROM {image}\nENTRYPOINT {json.dumps(['sh', '-c', script])}\n"
        return engine.build(client, "local-crashing", lines, {})

    return build


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
    assert process.returncode == (5 if "errorType" in answered else 0), err
    answer = json.loads(out)
    assert {key: answer.get(key) for key in answered} == answered
    assert logged in err
    assert ("greeting 3 characters" in err) is ran
    assert ('"source":"faultlayer"' in err) is bool(flags)
    assert left(process) == []


def test_the_function_sees_an_environment_like_lambdas(spawned: Started, image, look: Path):
    arguments = ["--function-env", "STAGE=test", "--function-timeout", 70, "--function-memory", 256]
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
    assert 60_000 < seen["timeout"] <= 70_000
    assert seen["memory"] == "256"
    assert sorted(entry.name for entry in look.iterdir()) == ["app.py"]


def test_a_full_disk_is_the_containers_own(spawned: Started, image, look: Path):
    """/tmp has a size, as in Lambda; else it would be the machine's disk."""
    (look / "app.py").write_text(FULL)
    arguments = ["--function-storage", 600, "--disk", "free:10MB", "--invoke", "-"]
    process = spawned("local", look, "--docker", *arguments)
    out, err = process.communicate("{}", timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out) == [600, 10]
    assert '"fault":"disk"' in err


FULL = """
import os
def handler(event, context):
    space = os.statvfs("/tmp")
    return [blocks * space.f_frsize >> 20 for blocks in (space.f_blocks, space.f_bfree)]
"""


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
    assert all(to["HostIp"] == "127.0.0.1" for to in bound.get("8080/tcp", []))
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
    killed.communicate(timeout=60)
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
    fetching, refused = ours(err)
    assert fetching == f"faultlayer: fetching {image} (once)"
    assert refused.startswith(f"faultlayer: cannot fetch {image}: ")
    assert left(process) == []


def test_an_image_is_fetched_once_and_with_progress(spawned: Started, client, left):
    """This one cannot start, which is not the point; its size is noise, lest it shrink."""
    machine = {"x86_64": "amd64"}.get(downloads.architecture(), "arm64")
    arguments = ["--invoke", HELLO / "event.json", "--handler", "index.handler", "--image"]
    with registry.serving(["/none"], machine, os.urandom(20_000_000)) as served:
        try:
            terminal, err = on_a_terminal(spawned, "local", HELLO, *arguments, served.image)
            assert f"faultlayer: fetching {served.image} (once)" in err
            assert re.search(r"\d+\.\d/20\.\d MB", err)
            process = spawned("local", HELLO, *arguments, served.image)
            (line,) = ours(process.communicate(timeout=60)[1])
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


def test_a_container_that_ends_while_it_serves_is_replaced(spawned: Started, client, image, left):
    port = free_port()
    process = spawned("local", HELLO, "--docker", "--listen", port)
    read_until(process, "  curl -d ")
    first = serving(left(process))
    client.containers.get(first).kill()
    line = read_until(process, "environment 1: ").splitlines()[-1]
    assert line.startswith(
        "faultlayer: environment 1: the container ended by itself with exit code 137"
    )
    assert ask(port)["statusCode"] == 200
    assert serving(left(process)) != first
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert left(process) == []


def test_requests_that_overlap_have_a_container_each(spawned: Started, client, image, left):
    port = free_port()
    process = spawned("local", HELLO, "--docker", "--listen", port, "--latency", "2s")
    read_until(process, "  curl -d ")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, [port] * 2))
    assert [answer["statusCode"] for answer in answers] == [200, 200]
    assert len([name for name in named(left(process)) if not name.endswith("-files")]) == 2
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "[2] emulator: START RequestId" in err
    assert left(process) == []


def test_an_entrypoint_that_is_not_there(spawned: Started, client, image, left):
    name = engine.build(client, "local-lost", f'FROM {image}\nENTRYPOINT ["/nothing"]\n', {})
    process = spawned("local", HELLO, "--invoke", HELLO / "event.json", "--image", name)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    (line,) = ours(err)
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
    (line,) = ours(err)
    assert "is for sparc" in line
    assert left(process) == []


def test_other_commands_do_not_pay_for_docker():
    script = "import sys, faultlayer_cli.main; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert "docker" not in out.split()
