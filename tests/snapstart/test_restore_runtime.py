"""A real runtime client in its SnapStart mode, through the proxy."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from snapshot import SnapshotApi, frozen

from fakes.proxied import NEVER, Extension, soon
from faultlayer_cli.running import downloads

FUNCTIONS = Path(__file__).resolve().parent / "functions"
FAULTS = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_MAX": "1", "FAULTLAYER_LATENCY": "300ms"}


@contextmanager
def environment(
    api: SnapshotApi, folder: Path, variables: dict[str, str], **environ: str
) -> Iterator[tuple[Extension, subprocess.Popen[bytes]]]:
    """Extension and runtime, up to the point at which the snapshot is taken."""
    with Extension(api.host, folder, **variables) as extension:
        api.wait_polls(1)
        host, port = extension.address
        runtime = subprocess.Popen(
            [downloads.interpreter(), "-m", "awslambdaric", "hooked.handler"],
            cwd=FUNCTIONS,
            env={
                "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
                "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
                "LAMBDA_TASK_ROOT": str(FUNCTIONS),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": str(downloads.runtime()),
                **environ,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert soon(lambda: api.restore_polls, 20)
            yield extension, runtime
        finally:
            runtime.kill()
            runtime.wait()


@pytest.mark.parametrize("faults", [NEVER, FAULTS], ids=["untouched", "faults"])
def test_a_restored_function_answers(
    snapshots: SnapshotApi, tmp_path: Path, faults: dict[str, str]
) -> None:
    with environment(snapshots, tmp_path, faults) as (extension, runtime):
        with frozen(extension.process.pid, runtime.pid, seconds=1):
            snapshots.close_connections(but=("restore/next",))
            snapshots.restored_now.set()
        asked = [snapshots.invoke(b'{"order":%d}' % number) for number in range(4)]
        answers = [invocation.result().json for invocation in asked]
        if faults is FAULTS:
            assert answers.pop(0)["statusCode"] == 503
            assert all(each.answered - each.given >= 0.3 for each in asked)
        for answer in answers:
            number = int(answer["body"][0])
            assert answer == {"statusCode": 200, "body": f"{number} before after"}
        assert len(snapshots.restore_polls) == 1
        assert not snapshots.restore_errors


def test_a_hook_that_fails_after_the_restore_is_reported(
    snapshots: SnapshotApi, tmp_path: Path
) -> None:
    with environment(snapshots, tmp_path, FAULTS, RESTORE_FAILS="1") as (_, runtime):
        snapshots.restored_now.set()
        assert runtime.wait(10) == 65  # what this client ends with, and Lambda begins anew
        (report,) = snapshots.restore_errors
        assert json.loads(report.content)["errorMessage"] == "no connection to the table"
        kind = report.header("lambda-runtime-function-error-type")
        assert kind == "Runtime.AfterRestoreError"


def test_a_failed_start_fails_the_restore(snapshots: SnapshotApi, tmp_path: Path) -> None:
    """And not the snapshot before it; the runtime ends, as it does where its own hook fails."""
    with environment(snapshots, tmp_path, {"FAULTLAYER_INIT": "error"}) as (extension, runtime):
        assert runtime.poll() is None
        assert not extension.log
        snapshots.restored_now.set()
        assert runtime.wait(20) == -signal.SIGKILL
        (report,) = snapshots.restore_errors
        assert json.loads(report.content)["errorType"] == "Runtime.InitError"
        assert not snapshots.init_errors
        assert [line["fault"] for line in extension.log] == ["init"]


def test_a_slow_start_holds_the_restore(snapshots: SnapshotApi, tmp_path: Path) -> None:
    with environment(snapshots, tmp_path, {"FAULTLAYER_INIT": "1s"}) as (extension, _):
        asked = snapshots.invoke(b'{"order":1}')
        snapshots.restored_now.set()
        restored = time.monotonic()
        assert asked.result().json["statusCode"] == 200
        assert time.monotonic() - restored >= 1
        assert [line["fault"] for line in extension.log] == ["init"]
