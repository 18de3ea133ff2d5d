"""`faultlayer local` for real: the emulator, the built layer, and what is left afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cli_support import HELLO, Started

from faultlayer_cli.running.emulator import PATH, Emulator
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.ports import free_port

pytestmark = pytest.mark.usefixtures("namespaces")

LOOK = """
import os
def handler(event, context):
    with open("/tmp/mine", "a") as file:
        file.write("x")
    return {
        "environ": dict(os.environ),
        "opt": sorted(os.listdir("/opt")),
        "extensions": os.listdir("/opt/extensions"),
        "tmp": os.listdir("/tmp"),
        "timeout": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb,
    }
"""


@pytest.fixture
def look(tmp_path: Path) -> Path:
    folder = tmp_path / "look"
    folder.mkdir()
    (folder / "app.py").write_text(LOOK)
    return folder


def marked(mark: str) -> list[int]:
    """The processes that live with this text in their environment, zombies left aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Standard error up to the line that contains this."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if wanted in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def test_the_answer_alone_is_on_standard_output(started: Started):
    process = started("local", HELLO, "--invoke", HELLO / "event.json", "--latency", "300ms")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(json.loads(out)["body"])["greeting"] == "Hello, Ada!"
    assert not out.endswith("\n"), "the caller gets no line break"
    lines = err.splitlines()
    assert lines[:2] == [
        "faultlayer: Python, by app.py; the handler is app.handler",
        "faultlayer: armed: all invocations by latency 300ms",
    ]
    assert [line for line in lines if line.startswith('{"source":"faultlayer"')]
    assert [line for line in lines if line.startswith("greeting 3 characters")]
    assert [line for line in lines if line.startswith("emulator: START RequestId: ")]
    assert not [line for line in lines if line.startswith(("START", "END", "REPORT"))]


def test_quiet_leaves_the_functions_lines(started: Started):
    arguments = ["--invoke", HELLO / "event.json", "--latency", "300ms", "--quiet"]
    process = started("local", HELLO, *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Hello, Ada!" in out
    (line,) = err.splitlines()
    assert line.startswith("greeting 3 characters")


def test_quiet_while_it_serves(started: Started):
    port = free_port()
    process = started("local", HELLO, "--listen", port, "--latency", "1ms", "--quiet")
    event, end = (HELLO / "event.json").read_bytes(), time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{PATH}", event, timeout=30).close()
        except OSError:  # it does not listen yet
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    (line,) = err.splitlines()
    assert line.startswith("greeting 3 characters")


def test_a_plan_in_the_functions_folder(started: Started, tmp_path: Path):
    folder = tmp_path / "planned"
    shutil.copytree(HELLO, folder)
    plan = {"faults": [{"fault": "status", "code": 418, "rate": "100%"}]}
    (folder / "plan.json").write_text(json.dumps(plan))
    arguments = ["--invoke", "-", "--plan", "file:/var/task/plan.json"]
    process = started("local", folder, *arguments)
    out, err = process.communicate("{}", timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["statusCode"] == 418
    assert "faultlayer: armed: all invocations by status 418\n" in err


FAILING = """
import os, time
if os.environ.get("BROKEN"):
    raise KeyError("no table")
def handler(event, context):
    if "wait" in event:
        time.sleep(30)
    if "exit" in event:
        os._exit(3)
    print("before")
    raise ValueError("no such order")
"""


@pytest.mark.parametrize(
    ("arguments", "event", "kind", "told"),
    [
        ([], {}, "ValueError", "ValueError: no such order"),
        (["--exception", "Down: for now"], {}, "Down", "Down: for now"),
        (["-e", "BROKEN=1"], {}, "KeyError", "it did not start: KeyError: 'no table'"),
        ([], {"exit": 1}, "Runtime.ExitError", "its process ended: Runtime exited with error: "),
        (
            ["--function-timeout", "1"],
            {"wait": 1},
            "Sandbox.Timedout",
            "it timed out: Task timed out after 1.00 seconds",
        ),
    ],
    ids=["error", "fault", "start", "crash", "timeout"],
)
def test_a_function_that_fails_is_told_by_the_exit_code(
    started: Started, tmp_path: Path, arguments: list[str], event: object, kind: str, told: str
):
    folder = tmp_path / "failing"
    folder.mkdir()
    (folder / "app.py").write_text(FAILING)
    process = started("local", folder, "--invoke", "-", "--quiet", *arguments)
    out, err = process.communicate(json.dumps(event), timeout=60)
    assert process.returncode == 5
    assert json.loads(out)["errorType"] == kind
    (ours,) = [line for line in err.splitlines() if line.startswith("faultlayer: ")]
    assert ours.startswith(f"faultlayer: the function failed: {told}")
    assert err.endswith(ours + "\n"), "it is the last line"


def test_the_function_sees_an_environment_like_lambdas(started: Started, look: Path):
    (look / ".env").write_text("TABLE_NAME='orders'\nAWS_REGION=eu-west-1\nSTAGE=file\n")
    arguments = ["--function-env", "STAGE=test", "--function-timeout", 70, "--function-memory", 256]
    arguments += ["--env-file", look / ".env", "-e", "PASSED_ON", "-e", "NOT_HERE"]
    own = {"AWS_ACCESS_KEY_ID": "mine", "AWS_PROFILE": "mine", "AWS_REGION": "eu-north-1"}
    around = {"SECRET": "hidden", "PASSED_ON": "yes", **own}
    process = started("local", look, "--invoke", "-", *arguments, **around)
    out, err = process.communicate("{}", timeout=60)
    assert process.returncode == 0, err
    seen: dict[str, Any] = json.loads(out)
    environ = seen["environ"]
    assert "SECRET" not in environ
    assert not {"VIRTUAL_ENV", "AWS_PROFILE", "NOT_HERE", "HOME"} & environ.keys()
    assert environ["AWS_ACCESS_KEY_ID"] == "AKIAIOSFODNN7EXAMPLE", "not the caller's"
    assert (environ["AWS_REGION"], environ["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert (environ["TABLE_NAME"], environ["PASSED_ON"]) == ("orders", "yes")
    assert environ["STAGE"] == "test"
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "look"
    assert environ["LAMBDA_TASK_ROOT"] == "/var/task"
    assert environ["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/faultlayer-wrapper"
    assert 60_000 < seen["timeout"] <= 70_000
    assert seen["memory"] == "256"


def test_opt_and_tmp_are_the_functions_own(look: Path):
    with (
        tempfile.NamedTemporaryFile(dir="/tmp") as hosts_own,
        Emulator(LocalFunction(look), echo=False) as emulator,
    ):
        seen = emulator.invoke().json()
        assert Path(hosts_own.name).name not in seen["tmp"]
        assert (emulator.tmp / "mine").read_text() == "x"
    assert set(seen["opt"]) == {"extensions", "faultlayer", "faultlayer-wrapper"}
    assert seen["extensions"] == ["faultlayer"]
    assert not emulator.tmp.exists()


def answering(status: str) -> LocalFunction:
    return LocalFunction(HELLO, env={"FAULTLAYER_STATUS": status})


def test_two_at_once_do_not_meet(look: Path):
    first = Emulator(answering("503"), echo=False)
    second = Emulator(answering("418"), echo=False)
    with first, second:
        codes = [emulator.invoke().json()["statusCode"] for emulator in (first, second, first)]
    assert codes == [503, 418, 503]


def test_a_restart_is_a_cold_start_at_the_same_address():
    with Emulator(answering("503"), echo=False) as emulator:
        emulator.invoke()
        url = emulator.url
        emulator.restart()
        assert emulator.url == url
        assert emulator.invoke().json()["statusCode"] == 503
        emulator.wait_for_log("fault_injected")
        assert emulator.log.count("INIT START") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_told_to_end_and_leaves_nothing(
    started: Started, tmp_path: Path, number: signal.Signals
):
    port, mark = free_port(), f"MARK={os.urandom(8).hex()}"
    process = started("local", HELLO, "--listen", port, "-e", mark, "--status", "503")
    told = read_until(process, "  curl -d ")
    assert "faultlayer: armed: all invocations by status 503\n" in told
    assert f" answers at http://127.0.0.1:{port}{PATH} until you press Ctrl-C; try:\n" in told
    assert told.endswith(f"http://127.0.0.1:{port}{PATH}\n"), "the last word can be pasted"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{PATH}", b"{}", timeout=30) as response:
        assert json.loads(response.read())["statusCode"] == 503
    assert len(marked(mark)) >= 3
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert marked(mark) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_nothing_survives_when_it_is_killed(started: Started):
    mark = f"MARK={os.urandom(8).hex()}"
    process = started("local", HELLO, "--listen", free_port(), "-e", mark)
    read_until(process, "  curl -d ")
    process.kill()
    process.communicate(timeout=60)
    end = time.monotonic() + 10
    while marked(mark) and time.monotonic() < end:
        time.sleep(0.05)
    assert marked(mark) == []
