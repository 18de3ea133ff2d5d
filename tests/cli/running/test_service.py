"""A function that is served for real: overlapping requests, load, and ends of every kind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from cli_support import Started

from faultlayer_cli.layers import built
from faultlayer_cli.running import downloads
from faultlayer_cli.running.emulator import PATH
from faultlayer_cli.running.launch import Launch
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.ports import free_port
from faultlayer_cli.running.service import Service

pytestmark = pytest.mark.usefixtures("namespaces")

CODE = """
import os, time
COLD = time.time()
def handler(event, context):
    if "requestContext" in event:
        return respond(event)
    time.sleep(event.get("sleep", 0))
    with open("/tmp/seen", "a") as file:
        file.write("x")
    return {"cold": COLD, "seen": os.path.getsize("/tmp/seen"), "id": context.aws_request_id}
def respond(event):
    path = event["rawPath"]
    if path == "/error":
        raise ValueError("no such order")
    if path == "/large":
        return {"statusCode": 200, "body": "x" * 6_000_000}
    if path == "/response":
        return {"statusCode": 202, "cookies": ["a=1", "b=2"], "headers": {"x-y": "z"},
                "body": event["body"], "isBase64Encoded": event["isBase64Encoded"]}
    return event
"""


@pytest.fixture
def function(tmp_path: Path) -> Path:
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "app.py").write_text(CODE)
    return folder


class Run:
    """`faultlayer local` as it serves; its standard error is read as it comes."""

    def __init__(self, process: subprocess.Popen[str], port: int, path: str) -> None:
        self.process = process
        self.origin = f"http://127.0.0.1:{port}"
        self.url = self.origin + path
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until(lambda: any("  curl " in line for line in self.lines))

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def until(self, condition: Callable[[], object], patience: float = 30) -> None:
        end = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < end, "".join(self.lines)
            time.sleep(0.02)

    def ask(self, event: Any = None, **headers: str) -> requests.Response:
        return requests.post(self.url, data=json.dumps(event or {}), headers=headers, timeout=60)

    def many(self, count: int, event: Any) -> list[requests.Response]:
        """The answers to this many requests at once."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: self.ask(event), range(count)))

    @property
    def ours(self) -> list[str]:
        """What the command itself said since it began to serve."""
        serving = next(n for n, line in enumerate(self.lines) if "  curl " in line)
        return [line for line in self.lines[serving:] if line.startswith("faultlayer: ")]

    def emulators(self) -> list[int]:
        """The processes of the emulators."""
        return [one for one in tree(self.process.pid) if "aws-lambda-rie" in command(one)]

    def end(self) -> None:
        if self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0
        self._reader.join(10)


def tree(process: int) -> list[int]:
    """All processes below this one."""
    found = []
    with contextlib.suppress(OSError):  # it ended meanwhile
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *tree(int(child))]
    return found


def command(process: int) -> str:
    """The program of a process; empty if it has ended, although nobody took notice yet."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")[0]
    except OSError:
        return ""


@pytest.fixture
def serve(started: Started, function: Path, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start `faultlayer local` with these arguments; at the end nothing may be left."""
    runs = []

    def start(*arguments: object) -> Run:
        port = free_port()
        process = started("local", function, "--listen", port, *arguments)
        runs.append(Run(process, port, "/" if "--http" in arguments else PATH))
        return runs[-1]

    yield start
    for run in runs:
        processes = tree(run.process.pid)
        run.end()
        assert [command(one) for one in processes if command(one)] == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_requests_that_overlap_are_answered_as_in_lambda(serve: Callable[..., Run]):
    run = serve("--concurrency", 3)
    first = run.ask().json()
    assert [run.ask().json()["seen"] for _ in range(3)] == [2, 3, 4]
    assert not any(line.startswith("[1] ") for line in run.lines), "there is only one"
    answers = run.many(5, {"sleep": 1})
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 2}
    (refused, _) = (answer for answer in answers if answer.status_code == 429)
    assert refused.headers["x-amzn-errortype"] == "TooManyRequestsException"
    served = [answer.json() for answer in answers if answer.status_code == 200]
    assert len({each["cold"] for each in served}) == 3, "three environments, two of them cold"
    assert sorted(each["seen"] for each in served)[:2] == [1, 1], "each has a /tmp of its own"
    assert first["cold"] in {each["cold"] for each in served}
    assert any(line.startswith("[2] emulator: START ") for line in run.lines)
    assert len(run.emulators()) == 3
    again = run.ask().json()
    assert again["cold"] in {each["cold"] for each in served}
    assert run.ours == []


def test_aws_own_client_gets_what_lambda_would_give_it(serve: Callable[..., Run]):
    run = serve("--concurrency", 1)
    client = boto3.client(
        "lambda",
        endpoint_url=run.origin,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"max_attempts": 0}),
    )
    answer = client.invoke(FunctionName="orders", Payload=b'{"sleep": 0}')
    identifier = answer["ResponseMetadata"]["RequestId"]
    assert json.loads(answer["Payload"].read())["id"] == identifier
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    failed = client.invoke(FunctionName="function", Payload=b'{"sleep": "long"}')
    assert failed["FunctionError"] == "Unhandled"
    assert json.loads(failed["Payload"].read())["errorType"] == "TypeError"
    later = client.invoke(FunctionName="orders", InvocationType="Event", Payload=b'{"sleep": 1}')
    assert later["StatusCode"] == 202
    with pytest.raises(client.exceptions.TooManyRequestsException) as refused:
        client.invoke(FunctionName="orders")
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="other")


def test_a_client_that_leaves_changes_nothing(serve: Callable[..., Run]):
    run = serve("--concurrency", 1)
    cold = run.ask().json()["cold"]
    for _ in range(2):
        with pytest.raises(requests.Timeout):
            requests.post(run.url, data='{"sleep": 0.6}', timeout=0.2)
        assert run.ask().status_code == 429, "the invocation is still under way"
        run.until(lambda: run.ask().status_code == 200)
    assert run.ask().json()["cold"] == cold
    assert len(run.emulators()) == 1
    assert run.ours == []


def test_an_emulator_that_ends_is_replaced_and_a_line_says_so(serve: Callable[..., Run]):
    run = serve("--concurrency", 2)
    cold = run.ask().json()["cold"]
    os.kill(run.emulators()[0], signal.SIGKILL)
    run.until(lambda: run.ours)
    assert run.ours == [
        "faultlayer: environment 1: the emulator ended by itself (see above); a new one takes its "
        "place when it is needed\n"
    ]
    assert run.ask().json()["cold"] > cold
    assert [answer.status_code for answer in run.many(2, {"sleep": 0.5})] == [200, 200]
    with ThreadPoolExecutor() as pool:
        dying = pool.submit(run.ask, {"sleep": 2})
        time.sleep(0.5)
        for process in run.emulators():
            os.kill(process, signal.SIGKILL)
        refused = dying.result(30)
    assert refused.status_code == 500
    assert refused.headers["x-amzn-errortype"] == "ServiceException"
    assert "the emulator" in refused.json()["message"]
    assert [answer.status_code for answer in run.many(2, {"sleep": 0.5})] == [200, 200]
    run.until(lambda: len(run.ours) == 3)


def test_all_environments_have_the_layer_of_the_first(
    function: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Although the one of a checkout is built anew meanwhile."""
    here, other = built.tree(downloads.architecture()), tmp_path / "other"
    trees = iter([here, other])
    monkeypatch.setattr(built, "tree", lambda *_: next(trees))
    launch = Launch(LocalFunction(function), "none", concurrency=2)
    with closing(Service(launch)) as service, ThreadPoolExecutor() as pool:
        service.start()
        asked = [pool.submit(requests.post, service.url, data='{"sleep": 0.3}') for _ in range(2)]
        assert [answer.result(30).status_code for answer in asked] == [200, 200]
    assert next(trees) == other


def test_nothing_survives_when_it_is_killed(serve: Callable[..., Run], tmp_path: Path):
    run = serve("--concurrency", 2)
    run.many(2, {"sleep": 0.5})
    below = tree(run.process.pid)
    assert len(run.emulators()) == 2
    run.process.kill()
    run.process.wait(60)
    run.until(lambda: not any(map(command, below)))
    shutil.rmtree(tmp_path / "tmp")  # nobody was left to remove what is in it
    (tmp_path / "tmp").mkdir()


def test_it_ends_in_the_middle_of_invocations(serve: Callable[..., Run]):
    """Everything is checked at the end, by the fixture."""
    run = serve("--concurrency", 2)
    for _ in range(4):
        assert run.ask({"sleep": 2}, **{"x-amz-invocation-type": "Event"}).status_code == 202
    run.until(lambda: len(run.emulators()) == 2)
    run.until(lambda: "INVOKE START" in "".join(run.lines))
    run.end()
    assert run.ours == ["faultlayer: asynchronous invocations that never ran: 2\n"]


def test_as_a_function_url(serve: Callable[..., Run]):
    run = serve("--http", "--concurrency", 2)
    event = requests.get(run.origin + "/a/b?c=1&c=2", headers={"Cookie": "d=3; e=4"}).json()
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b", "c=1&c=2")
    assert event["cookies"] == ["d=3", "e=4"]
    assert event["requestContext"]["http"]["method"] == "GET"
    picture = bytes(range(256)) * 10_000
    made = requests.put(run.origin + "/response", data=picture)
    assert (made.status_code, made.content, made.headers["x-y"]) == (202, picture, "z")
    assert made.raw.headers.getlist("set-cookie") == ["a=1", "b=2"]
    large = b"x" * 6_000_000
    kind = {"content-type": "text/plain; charset=utf-8"}
    made = requests.post(run.origin + "/response", data=large, headers=kind)
    assert made.content == large
    assert len(requests.get(run.origin + "/large").content) == 6_000_000
    head = requests.head(run.origin + "/large")
    assert (head.content, head.headers["content-length"]) == (b"", "6000000")
    failed = requests.options(run.origin + "/error")
    assert (failed.status_code, failed.json()) == (502, {"Message": "Internal Server Error"})
    assert requests.post(run.origin, data=b"x" * 7_000_000).status_code == 413
    assert run.ours == []


def test_faults_reach_the_client_of_a_function_url(serve: Callable[..., Run]):
    run = serve(
        "--http", "--status", "503", "--status-match", "rawPath=/a", "--headers", '{"x": "y"}'
    )
    assert requests.get(run.origin + "/a").status_code == 503
    other = requests.get(run.origin + "/b")
    assert (other.status_code, other.headers["x"]) == (200, "y")


def footprint(process: int) -> dict[str, int]:
    """What a process holds: KB of memory, descriptors, threads."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines()
    )
    return {
        "memory": int(status["VmRSS"].split()[0]),
        "descriptors": len(list(Path(f"/proc/{process}/fd").iterdir())),
        "threads": int(status["Threads"]),
    }


def hammer(run: Run, seconds: float, connections: int = 50) -> Counter[int]:
    """Ask over this many connections as fast as answers come; how often each status came."""
    end = time.monotonic() + seconds

    def ask(_: int) -> Counter[int]:
        found: Counter[int] = Counter()
        with requests.Session() as session:
            while time.monotonic() < end:
                answer = session.post(run.url, data=b'{"sleep": 0.01}', timeout=60)
                found[answer.status_code] += 1
                if answer.status_code == 429:
                    time.sleep(0.05)  # else refusals are all that this machine has time for
        return found

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(ask, range(connections)), Counter())


def stands(run: Run, seconds: float) -> None:
    hammer(run, 2)
    before = footprint(run.process.pid)
    found = hammer(run, seconds)
    after = footprint(run.process.pid)
    assert set(found) <= {200, 429}
    assert found[200] > 10 * seconds
    assert after["threads"] == before["threads"]
    assert after["descriptors"] <= before["descriptors"] + 5
    assert after["memory"] < before["memory"] + 20_000
    assert run.ask().status_code == 200
    assert len(run.emulators()) == 4
    assert run.ours == []


def test_a_load_generator_leaves_it_standing(serve: Callable[..., Run]):
    stands(serve(), 2)


@pytest.mark.nightly
def test_a_minute_of_load_leaves_it_standing(serve: Callable[..., Run]):
    stands(serve(), 60)
