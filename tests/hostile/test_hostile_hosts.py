"""A machine without room, time or a log: the function is served, with or without its faults."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hostile_support import Stopped, Surrounded, mounting

import machine
from fakes.agents import AppConfigAgent
from fakes.proxied import NEVER, Extension, soon
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD, outcome

STATUS = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_WHEN": "after"}
WRAPPER = Path(__file__).resolve().parents[2] / "wrapper/faultlayer-wrapper"
# Lambda freezes environments for minutes: as long as this is waited for once in a while.
STOPPED = float(os.environ.get("STOPPED_SECONDS", "10"))


# -- /tmp -----------------------------------------------------------------------------------------

FULL = """
mount -t tmpfs -o size=64k faultlayer "$PWD/small" || exit 98
dd if=/dev/zero of=small/filler bs=4096 >/dev/null 2>&1
[ "$(stat -f -c %a small)" = 0 ] || exit 97
exec "$@"
"""


def test_with_tmp_full_before_the_start_the_runtime_starts_untouched(
    api: RuntimeApi, tmp_path: Path
) -> None:
    """It registers, says so in one line, and the wrapper finds no address."""
    (tmp_path / "small").mkdir()
    inner = tmp_path / "full.sh"
    inner.write_text(FULL)
    shell = f'exec {mounting()} sh {inner} "$@"'
    variables = {**STATUS, "_FAULTLAYER_ADDRESS": str(tmp_path / "small/address")}
    with Surrounded(api, tmp_path, shell, **variables) as extension:
        api.wait_polls(1)
        (line,) = extension.log
        assert (line["level"], line["event"]) == ("error", "start_failed")
        message = "OSError: [Errno 28] No space left on device; nothing is injected"
        assert line["message"] == message
        pid = extension.process.pid
        published = Path(f"/proc/{pid}/root/{tmp_path}/small/address")
        environ = {"_FAULTLAYER_ADDRESS": str(published), "AWS_LAMBDA_RUNTIME_API": api.host}
        command = ["sh", str(WRAPPER), "printenv", "AWS_LAMBDA_RUNTIME_API"]
        runtime = subprocess.run(
            command, env=environ | {"PATH": os.environ["PATH"]}, capture_output=True, check=True
        )
        assert runtime.stdout.decode().strip() == api.host
        api.shutdown()
        assert extension.exit_code() == 0


# -- standard output ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shell",
    ['exec "$@" >&-', 'exec "$@" <&- >&-', 'exec "$@" >/dev/full', '"$@" | true; wait'],
    ids=["closed", "closed with the input", "no space", "nobody reads"],
)
def test_without_a_log_faults_act_and_nothing_is_written_elsewhere(
    api: RuntimeApi, tmp_path: Path, shell: str
) -> None:
    """Where standard output is closed, the first connection gets its number."""
    with Surrounded(api, tmp_path, shell, **STATUS) as extension:
        api.wait_polls(1)
        for _ in range(3):
            assert outcome(api, extension.address)["statusCode"] == 503
        assert not api.refused
        api.shutdown()
        assert extension.exit_code() == 0


# -- descriptors ----------------------------------------------------------------------------------


def test_without_descriptors_for_upstream_the_runtime_waits_in_the_queue(
    api: RuntimeApi, tmp_path: Path
) -> None:
    """A connection that was accepted and cannot be served would end the runtime."""
    with Extension(api.host, tmp_path, **NEVER) as extension:
        api.wait_polls(1)
        pid = extension.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (extension.descriptors() + 1, 1024))
        with Runtime(extension.address) as runtime:
            assert runtime.wire.silent(0.2)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (1024, 1024))
            api.invoke()
            runtime.turn()


# -- time -----------------------------------------------------------------------------------------


@pytest.fixture
def clock(tmp_path: Path) -> dict[str, str]:
    """Variables that let the process's wall clock be set back a day: see clock.c."""
    library = tmp_path / "clock.so"
    source = Path(__file__).with_name("clock.c")
    compiler = machine.program("cc")
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_BACK": str(tmp_path / "back")}


def served(api: RuntimeApi, extension: Extension) -> float:
    """How long an invocation takes to reach the function; the caller's answer is the function's."""
    invoked = api.invoke()
    with Runtime(extension.address) as runtime:
        began = time.monotonic()
        event = runtime.next()
        took = time.monotonic() - began
        while not invoked.done.is_set():  # it may be delivered several times
            assert runtime.respond(event, PAYLOAD).status == 202
            if not invoked.done.is_set():
                event = runtime.next()
                assert runtime.id_of(event) == invoked.request_id
    assert invoked.content == PAYLOAD
    return took


@pytest.mark.parametrize(
    "faults",
    [{"LATENCY": "200ms"}, {"LATENCY": "200ms", "LATENCY_WHEN": "after"}, {"DUPLICATE": "3"}],
    ids=["held before", "held after", "delivered again"],
)
def test_the_clock_set_back_a_day_changes_no_delay_and_stops_no_invocation(
    api: RuntimeApi, tmp_path: Path, clock: dict[str, str], faults: dict[str, str]
) -> None:
    variables = {f"FAULTLAYER_{name}": text for name, text in faults.items()}
    with Extension(api.host, tmp_path, **variables, **clock) as extension:
        api.wait_polls(1)
        before = served(api, extension)
        (tmp_path / "back").touch()
        after = [served(api, extension) for _ in range(2)]
        (tmp_path / "back").unlink()
        after.append(served(api, extension))
    if faults == {"LATENCY": "200ms"}:
        assert min(before, *after) >= 0.2
    assert max(after) < 5
    assert len(extension.log) == 4, "one line for each invocation"


def test_the_clock_set_back_a_day_reopens_a_window_and_nothing_else(
    api: RuntimeApi, tmp_path: Path, clock: dict[str, str]
) -> None:
    """The window is of the wall clock, as users mean it: it has ended, or not yet begun."""
    now = datetime.now(timezone.utc)
    ended = {"FAULTLAYER_END": (now - timedelta(hours=1)).isoformat(timespec="seconds")}
    with Extension(api.host, tmp_path, **STATUS, **ended, **clock) as extension:
        api.wait_polls(1)
        assert not extension.path.exists() or outcome(api, extension.address)["statusCode"] == 200
    begun = {"FAULTLAYER_START": (now - timedelta(hours=1)).isoformat(timespec="seconds")}
    with Extension(api.host, tmp_path, **STATUS, **begun, **clock) as extension:
        api.wait_polls(2)
        assert outcome(api, extension.address)["statusCode"] == 503
        (tmp_path / "back").touch()
        assert outcome(api, extension.address)["statusCode"] == 200
        (tmp_path / "back").unlink()
        assert outcome(api, extension.address)["statusCode"] == 503


def test_the_clock_set_back_a_day_stops_no_live_plan(
    api: RuntimeApi, tmp_path: Path, clock: dict[str, str]
) -> None:
    plan = {"faults": [{"fault": "status", "code": 503, "when": "after"}]}
    with AppConfigAgent({"faults": []}) as agent:
        variables = {"FAULTLAYER_PLAN": agent.source, "FAULTLAYER_POLL": "50ms"}
        environ = {**variables, **agent.environ, **clock}
        with Extension(api.host, tmp_path, **environ) as extension:
            api.wait_polls(1)
            assert outcome(api, extension.address)["statusCode"] == 200
            (tmp_path / "back").touch()
            agent.document = plan
            assert soon(lambda: outcome(api, extension.address)["statusCode"] == 503, 10)


# -- stopped --------------------------------------------------------------------------------------


def test_stopped_and_continued_it_loses_nothing_and_delays_no_longer_than_that(
    api: RuntimeApi, tmp_path: Path
) -> None:
    """A runtime that waits, one that is held, one that answers, and one that comes meanwhile."""
    faults = {"FAULTLAYER_LATENCY": "1s", "FAULTLAYER_LATENCY_MATCH": "held=true"}
    with Extension(api.host, tmp_path, **faults) as extension:
        api.wait_polls(1)
        address = extension.address
        with Runtime(address) as waits, Runtime(address) as held, Runtime(address) as answers:
            busy = api.invoke()
            event = answers.next()
            slow = api.invoke(b'{"held":true}')
            held.wire.send(NEXT)
            assert soon(lambda: slow.given)
            waits.wire.send(NEXT)
            assert waits.wire.silent()
            with Stopped(extension.process.pid), Runtime(address) as comes:
                for runtime in (answers, comes):
                    runtime.wire.sock.settimeout(STOPPED + 30)
                comes.wire.send(NEXT)
                late = [api.invoke(b'{"number":%d}' % number) for number in range(2)]
                said: list[int] = []
                reply = threading.Thread(
                    target=lambda: said.append(answers.respond(event, b'"busy"').status)
                )
                reply.start()
                time.sleep(STOPPED)
                assert not said
                assert not busy.done.is_set()
                os.kill(extension.process.pid, 18)
                began = time.monotonic()
                events = [waits.wire.response(), comes.wire.response(), held.wire.response()]
                assert time.monotonic() - began < 5, "the second it was to be held has passed"
                reply.join(10)
                assert said == [202]
                for runtime, each in zip((waits, comes, held), events):
                    assert runtime.respond(each, each.content).status == 202
        assert busy.result().content == b'"busy"'
        for invoked in (*late, slow):
            assert invoked.result().content == invoked.payload
        assert [line["event"] for line in extension.log] == ["fault_injected"]
