"""Freeze, thaw and restore: what upstream closed meanwhile, and clocks that jumped, do no harm."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from snapshot import RESTORED, SnapshotApi, frozen

from fakes.proxied import EXTENSION, NEVER, Extension, log_lines, soon, start
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi

RESTORE = b"GET /2018-06-01/runtime/restore/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n"
POLLS = ("event/next",)
SLACK = 0.5  # seconds within which what is not delayed has happened, on a busy machine


@contextmanager
def serving(api: SnapshotApi, folder: Path, **variables: str) -> Iterator[Extension]:
    """The extension as a process, registered."""
    with Extension(api.host, folder, **variables) as extension:
        api.wait_polls(1)
        yield extension


@pytest.mark.parametrize("cut", ["idle", "its own event poll too"])
def test_after_a_restore_nothing_stale_is_used(
    snapshots: SnapshotApi, tmp_path: Path, cut: str
) -> None:
    with serving(snapshots, tmp_path, **NEVER) as extension:
        with ExitStack() as stack:  # connections that will be waiting for their next use
            runtimes = [stack.enter_context(Runtime(extension.address)) for _ in range(5)]
            for runtime in runtimes:
                snapshots.invoke()
                runtime.turn()
        with Runtime(extension.address) as runtime:
            runtime.wire.send(RESTORE)
            assert soon(lambda: snapshots.restore_polls)
            with frozen(extension.process.pid, seconds=1.5):
                kept = ("restore/next",) if cut != "idle" else ("restore/next", *POLLS)
                assert snapshots.close_connections(but=kept)
                snapshots.restored_now.set()
            answer = runtime.wire.response()
            assert answer.raw == RESTORED
            begun = time.monotonic()
            asked = snapshots.invoke(b'{"order":1}')
            event = runtime.next()
            assert event.content == b'{"order":1}'
            assert runtime.respond(event, b'"done"').status == 202
            assert asked.result().content == b'"done"'
            assert time.monotonic() - begun < SLACK
        with Runtime(extension.address) as runtime:
            snapshots.invoke()
            runtime.turn()
        assert soon(lambda: snapshots.event_polls == (1 if cut == "idle" else 2))
        snapshots.shutdown()
        assert extension.exit_code() == 0
        assert extension.log == []


def test_after_a_thaw_the_runtime_that_waited_gets_its_event(
    snapshots: SnapshotApi, tmp_path: Path
) -> None:
    """Lambda freezes while /next is open; here that very connection is gone at the thaw."""
    with (
        serving(snapshots, tmp_path, **NEVER) as extension,
        Runtime(extension.address) as runtime,
    ):
        for number in range(3):
            snapshots.invoke()
            runtime.turn()
            runtime.wire.send(NEXT)
            assert soon(lambda: snapshots.conns[-1].requests[-1].target.endswith("/next"))
            with frozen(extension.process.pid):
                assert snapshots.close_connections(but=POLLS)
            asked = snapshots.invoke(b'{"number":%d}' % number)
            event = runtime.wire.response()
            assert event.content == b'{"number":%d}' % number
            assert runtime.respond(event, b'"done"').status == 202
            asked.result()


def test_an_answer_that_waits_for_a_thaw_is_delivered(
    snapshots: SnapshotApi, tmp_path: Path
) -> None:
    with (
        serving(snapshots, tmp_path, **NEVER) as extension,
        Runtime(extension.address) as runtime,
    ):
        asked = snapshots.invoke()
        event = runtime.next()
        with frozen(extension.process.pid):
            assert snapshots.close_connections(but=POLLS)
        assert runtime.respond(event, b'"late"').status == 202
        assert asked.result().content == b'"late"'


def test_a_delay_that_ended_while_frozen_is_over_at_once(
    snapshots: SnapshotApi, tmp_path: Path
) -> None:
    with (
        serving(snapshots, tmp_path, FAULTLAYER_LATENCY="1s") as extension,
        Runtime(extension.address) as runtime,
    ):
        snapshots.invoke()
        runtime.wire.send(NEXT)
        assert soon(lambda: extension.log)
        time.sleep(0.2)  # the line comes first, then the wait
        with frozen(extension.process.pid, seconds=1.5):
            pass
        thawed = time.monotonic()
        event = runtime.wire.response()
        assert time.monotonic() - thawed < SLACK
        runtime.respond(event, b'"done"')


# -- clocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "off", [-10 * 365 * 86400, -3600, -1], ids=["years", "an hour", "a second"]
)
def test_a_deadline_that_seems_over_leaves_the_invocation_alone(api: RuntimeApi, off: int) -> None:
    """As after a restore, before the clock is set: TIMEOUT has a margin to leave, and none is."""
    with Runtime(start(api.address, {"FAULTLAYER_TIMEOUT": "500ms"})) as runtime:
        begun = time.monotonic()
        asked = api.invoke(deadline_ms=max(0, int((time.time() + off) * 1000)))
        runtime.turn()
        assert asked.result().content == b'"done"'
        assert time.monotonic() - begun < SLACK


@pytest.mark.parametrize("jump", [-86400.0, 86400.0], ids=["back", "forth"])
def test_a_wall_clock_that_jumps_while_an_event_is_held(
    api: RuntimeApi, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """How long it is held was decided by the clock as it was; it is measured by another."""
    with Runtime(start(api.address, {"FAULTLAYER_TIMEOUT": "59s"})) as runtime:
        begun = time.monotonic()
        api.invoke()  # 60 s are left
        runtime.wire.send(NEXT)
        assert soon(lambda: api.given)
        time.sleep(0.1)
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + jump)
        event = runtime.wire.response()
        assert 0.9 < time.monotonic() - begun < 1 + SLACK
        runtime.respond(event, b'"done"')


def test_no_wait_is_longer_than_lambdas_longest_timeout(
    api: RuntimeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = []
    with Runtime(start(api.address, {"FAULTLAYER_TIMEOUT": "0"})) as runtime:
        api.invoke(deadline_ms=int((time.time() + 10 * 365 * 86400) * 1000))
        runtime.wire.send(NEXT)
        assert soon(lambda: lines.append(capfd.readouterr().out) or "".join(lines))
    (line,) = log_lines("".join(lines))
    assert line["delay_ms"] == 900_000


@pytest.mark.parametrize("seconds", [10**8, -1], ids=["years of uptime", "less than now"])
def test_a_machine_that_has_run_for_long_or_not(
    api: RuntimeApi, tmp_path: Path, seconds: int
) -> None:
    """The clocks since boot differ between the machine of the snapshot and the present one."""
    shift = ["unshare", "--time", f"--monotonic={seconds}", f"--boottime={seconds}", "--"]
    if subprocess.run([*shift, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no namespace for time")
    code = (
        f"import sys; sys.path.insert(0, {str(EXTENSION)!r}); "
        "from faultlayer.main import main; main()"
    )
    published = tmp_path / "address"
    environ = {
        "AWS_LAMBDA_RUNTIME_API": api.host,
        "_FAULTLAYER_ADDRESS": str(published),
        "FAULTLAYER_LATENCY": "300ms",
    }
    process = subprocess.Popen(
        [*shift, sys.executable, "-ISB", "-c", code], env=environ, stdout=subprocess.DEVNULL
    )
    try:
        api.wait_polls(1)
        host, _, port = published.read_text().split()[0].rpartition(":")
        with Runtime((host, int(port))) as runtime:
            begun = time.monotonic()
            api.invoke()
            runtime.turn()
            assert 0.3 <= time.monotonic() - begun < 10, "the clocks differ by more"
        api.shutdown()
        assert process.wait(5) == 0
    finally:
        process.kill()
