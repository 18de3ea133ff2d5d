"""The start of an environment as a runtime sees it: polls that are held, and starts that fail."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from fakes.proxied import Extension, soon
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi
from fakes.wire import Wire

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
RESTORE = NEXT.replace(b"invocation/next", b"restore/next")
ERROR = {"FAULTLAYER_INIT": "error"}


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
        assert json.loads(report.content)["errorMessage"] == "the start was failed by faultlayer"
        assert not [request for request in api.requests if request.line.startswith(NEXT[:44])]
        assert len(extension.log) == 1


def test_a_report_that_is_refused_lets_the_runtime_go_on(api: RuntimeApi, tmp_path: Path) -> None:
    """Its limit is not used up either."""
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
        assert [line["event"] for line in extension.log] == ["fault_injected", "answer_refused"]
