"""The start of an environment as a runtime sees it: polls that are held, and starts that fail."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import holding
from fakes.proxied import (
    Address,
    Extension,
    Logged,
    Proxied,
    report_of_the_wrapper,
    serve,
    soon,
    started,
)
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi, refusal
from fakes.wire import Wire
from faultlayer import main
from faultlayer.acting import cold_start
from faultlayer.environment import processes
from faultlayer.settings.variables import read_environment
from faultlayer.startup import wrapper_file

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
RESTORE = NEXT.replace(b"invocation/next", b"restore/next")
ERROR = {"FAULTLAYER_INIT": "error"}
LATE_ERROR = json.dumps(
    {"faults": [{"fault": "init", "how": "15m"}, {"fault": "init", "how": "error", "max": 1}]}
)


def test_all_first_polls_are_held_until_the_same_moment(api: RuntimeApi, tmp_path: Path) -> None:
    """However late each of them came; later ones, and later connections, are not held."""
    arrived: list[float] = []

    def poll(after: float) -> None:
        time.sleep(after)
        with Runtime(extension.address) as runtime:
            runtime.next()
            arrived.append(time.monotonic())

    with Extension(api.host, tmp_path, FAULTLAYER_INIT="2s") as extension:
        api.wait_polls(1)
        for _ in range(4):
            api.invoke()
        began = time.monotonic()
        threads = [threading.Thread(target=poll, args=(0.3 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert min(arrived) - began >= 2
        assert max(arrived) - min(arrived) < 1.8, "each for itself would be held 2 s"
        with Runtime(extension.address) as runtime:
            api.invoke()
            later = time.monotonic()
            runtime.turn()
            assert time.monotonic() - later < 1.8
        (line,) = extension.log
        assert (line["fault"], line["delay_ms"]) == ("init", 2000)


def test_a_runtime_that_leaves_meanwhile_is_noticed(api: RuntimeApi, tmp_path: Path) -> None:
    with Extension(api.host, tmp_path, FAULTLAYER_INIT="15m") as extension:
        api.wait_polls(1)
        with Wire.to(extension.address) as runtime:
            runtime.send(NEXT)
            assert soon(lambda: extension.log)
            before = extension.status("Threads")
        assert soon(lambda: extension.status("Threads") < before)


@pytest.mark.parametrize(
    ("restored", "path"), [(False, "runtime/init/error"), (True, "runtime/restore/error")]
)
def test_a_failed_start_is_reported_once_as_what_it_is(
    api: RuntimeApi, tmp_path: Path, restored: bool, path: str
) -> None:
    """After a snapshot it is the restore that fails."""
    with Extension(api.host, tmp_path, **ERROR) as extension:
        api.wait_polls(1)
        wires = [Wire.to(extension.address) for _ in range(3)]
        if restored:
            wires[0].send(RESTORE)
            assert wires[0].response().status == 200
        for wire in wires:
            wire.send(NEXT)
        for wire in wires:
            assert wire.ended(20), "the connection ends, no event comes"
            wire.close()
        (report,) = [request for request in api.requests if request.target.endswith("/error")]
        assert report.target.endswith(path)
        assert report.header("lambda-runtime-function-error-type") == "Runtime.InitError"
        assert json.loads(report.content)["errorMessage"] == "faultlayer failed the start"
        assert not [request for request in api.requests if request.line.startswith(NEXT[:44])]
        assert len(extension.log) == 1


def test_a_report_that_is_refused_lets_the_runtime_go_on(api: RuntimeApi, tmp_path: Path) -> None:
    real = api._answer

    def refuses(conn, request):  # type: ignore[no-untyped-def]
        refused = request.target.endswith("init/error")
        return (
            api._refuse(403, "InvalidStateTransition", request) if refused else real(conn, request)
        )

    api._answer = refuses  # type: ignore[method-assign]
    with Extension(api.host, tmp_path, **ERROR) as extension:
        api.wait_polls(1)
        api.invoke()
        with Runtime(extension.address) as runtime:
            runtime.turn()
        (line,) = extension.log
        assert (line["event"], line["phase"]) == ("fault_not_applied", "init")
        assert line["message"] == "Lambda refused it with the status 403"


# -- in this process: what cannot be arranged from outside -----------------------------------------


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wrapper's file."""
    path = tmp_path / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(path))
    return path


@pytest.fixture
def proxied(published: Path, monkeypatch: pytest.MonkeyPatch) -> Proxied:
    """Starts a proxy as the extension does, with what is due about the start."""
    monkeypatch.setattr(cold_start, "_DYING", 0.3)  # the tests' own connections stay open

    def begin(server: RuntimeApi, **faults: str) -> Address:
        settings = read_environment({f"FAULTLAYER_{name}": text for name, text in faults.items()})
        opened = main._open(settings)
        opened.release()
        listener, start = opened.listener, opened.start
        assert listener is not None, [problem.message for problem in settings.problems]
        started.append(serve(listener, server.address, settings, start))
        host, port = listener.getsockname()
        return str(host), int(port)

    return begin


def reports(api: RuntimeApi) -> list[str]:
    """The failed starts, and failed restores, that Lambda was told of."""
    return [
        one.target for one in api.requests if one.target.endswith(("init/error", "store/error"))
    ]


def answering(api: RuntimeApi, monkeypatch: pytest.MonkeyPatch, *first: bytes | None) -> None:
    """Lambda answers the first reports of a failed start like this; None: not at all."""
    real: Callable[..., bytes | None] = api._answer
    answers = list(first)

    def answer(conn: Any, request: Any) -> bytes | None:
        failed = request.target.endswith("init/error")
        return answers.pop(0) if failed and answers else real(conn, request)

    monkeypatch.setattr(api, "_answer", answer)


def left(process: subprocess.Popen[bytes]) -> int:
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
    return process.wait(20)


@pytest.mark.parametrize("restored", [False, True])
def test_a_failed_start_kills_the_runtime_with_all_its_connections(
    api: RuntimeApi, proxied: Proxied, logged: Logged, restored: bool
) -> None:
    address = proxied(api, INIT="error")
    process = holding.runtime("{}:{}".format(*address))
    wires = [Wire.to(address) for _ in range(3)]
    if restored:
        wires[0].send(RESTORE)
        assert wires[0].response().status == 200
    for wire in wires:
        wire.send(NEXT)
    assert process.wait(20) == -signal.SIGKILL
    for wire in wires:
        assert wire.ended(20)
        wire.close()
    left(process)
    what = "restore" if restored else "init"
    assert reports(api) == [f"/2018-06-01/runtime/{what}/error"]
    (line,) = logged()
    assert (line["event"], line["fault"], line["phase"]) == ("fault_injected", "init", "init")


def test_a_runtime_that_must_not_be_killed_loses_its_connection(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: processes.Runtime) -> int:
        raise PermissionError

    monkeypatch.setattr(processes.Runtime, "kill", refused)
    address = proxied(api, INIT="error")
    for _ in range(2):  # whoever polls later is no better off
        with Wire.to(address) as wire:
            wire.send(NEXT)
            assert wire.ended(20)
    assert len(reports(api)) == 1
    assert [line["event"] for line in logged()] == ["fault_injected"]


def test_a_report_that_lambda_refuses_kills_nobody(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(api, monkeypatch, refusal(403, "InvalidStateTransition"))
    address = proxied(api, INIT="error")
    process = holding.runtime("{}:{}".format(*address))
    for _ in range(2):
        api.invoke()
        with Runtime(address) as runtime:
            runtime.turn()
    assert left(process) == 0, "it ended by itself"
    assert len(reports(api)) == 1
    assert [line["event"] for line in logged()] == ["fault_not_applied"]


def test_a_report_that_lambda_does_not_answer_is_made_again_and_counts_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(api, monkeypatch, None)
    address = proxied(api, INIT="error", INIT_MAX="1")
    for _ in range(2):
        with Wire.to(address) as wire:
            wire.send(NEXT)
            assert wire.ended(20)
    assert len(reports(api)) == 2
    assert [line["event"] for line in logged()] == ["fault_injected"]


def test_a_delay_and_variables_come_together(
    api: RuntimeApi, proxied: Proxied, logged: Logged, published: Path
) -> None:
    address = proxied(api, INIT="600ms", ENV='{"TABLE":"wrong"}')
    assert published.read_text().partition("\n")[2] == "TABLE 1\nwrong\n"
    report_of_the_wrapper(published)
    began = time.monotonic()
    for _ in range(2):
        api.invoke()
        with Runtime(address) as runtime:
            runtime.turn()
        assert time.monotonic() - began >= 0.6
    assert [line["fault"] for line in logged("fault_injected")] == ["env", "init"]


@pytest.mark.parametrize("applied", [True, False])
def test_variables_alone_hold_no_poll(
    api: RuntimeApi, proxied: Proxied, logged: Logged, published: Path, applied: bool
) -> None:
    address = proxied(api, ENV='{"TABLE":"wrong"}', LATENCY="1ms")
    if applied:
        report_of_the_wrapper(published)
    api.invoke()
    with Runtime(address) as runtime:
        runtime.turn()
    told = [(line["event"], line["fault"]) for line in logged()]
    env = "fault_injected" if applied else "fault_not_applied"
    assert told == [(env, "env"), ("fault_injected", "latency")]


@pytest.mark.parametrize("how", ["15m", "error"])
def test_a_limit_that_another_has_used_up_meanwhile_holds(
    api: RuntimeApi, proxied: Proxied, logged: Logged, how: str
) -> None:
    address = proxied(api, INIT=how, INIT_MAX="1")
    chooser: Any = started[-1].chooser
    assert chooser.starts[0].claim()
    api.invoke()
    with Runtime(address) as runtime:
        runtime.turn()
    assert not reports(api)
    assert not logged()


def test_a_failure_that_its_runtime_does_not_live_to_see_counts_nothing(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, PLAN=LATE_ERROR)
    with Wire.to(address) as wire:
        wire.send(NEXT)
        chooser: Any = started[-1].chooser
        assert soon(lambda: chooser.starts[1].is_used_up), "it is claimed"
    started[-1].end()
    assert not chooser.starts[1].is_used_up
    assert not reports(api)
    assert [line["delay_ms"] for line in logged()] == [900_000]
