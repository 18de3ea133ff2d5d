"""The wrapper puts the shim before other preloaded libraries, which stay."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shells import ALL_SHELLS, WRAPPER

import machine
from faultlayer.startup import wrapper_file

SHIM = "/opt/faultlayer/lib/libfaultlayer-shim.so"
DATADOG = "/opt/datadog/linux-x64/Datadog.Linux.ApiWrapper.x64.so"
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
GIVEN = {"_FAULTLAYER_SHIM": "faultlayer-0123", "_FAULTLAYER_PRELOAD": SHIM}
Start = Callable[..., dict[str, str]]


@pytest.fixture(params=ALL_SHELLS)
def start(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start the wrapper; return the runtime's variables.

    The extension has published these variables, or nothing.
    """
    command = ALL_SHELLS[request.param]
    shell = [machine.program(command[0]), *command[1:]]
    published = tmp_path / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(published))

    def run(variables: dict[str, str | None] | None, **environ: str) -> dict[str, str]:
        wrapper_file.withdraw()
        if variables is not None:
            wrapper_file.publish(("127.0.0.1", 9747), variables)
        # The loader says on standard error that it does not find these, and goes on.
        done = subprocess.run(
            [*shell, WRAPPER, "/usr/bin/env", "-0"],
            env={"PATH": os.defpath, "_FAULTLAYER_ADDRESS": str(published), **environ},
            capture_output=True,
            check=True,
            timeout=60,
        )
        pairs = [pair.partition(b"=") for pair in done.stdout.split(b"\0") if pair]
        return {name.decode(): text.decode() for name, _, text in pairs}

    return run


def test_it_comes_before_what_is_there(start: Start) -> None:
    """With a colon, which separates entries like a blank (ld.so(8), musl)."""
    for before in (
        JEMALLOC,
        f"{DATADOG}:{JEMALLOC}",
        f"{DATADOG} {JEMALLOC}",
        f" {JEMALLOC}:",
        "/a b/$(exit 3)*.so",
        "/opt/$LIB/x.so",
    ):
        found = start(GIVEN, LD_PRELOAD=before)
        assert found["LD_PRELOAD"] == f"{SHIM}:{before}"
        assert found["_FAULTLAYER_SHIM"] == "faultlayer-0123"
        assert "_FAULTLAYER_PRELOAD" not in found
    assert start(GIVEN)["LD_PRELOAD"] == SHIM
    assert start(GIVEN, LD_PRELOAD="")["LD_PRELOAD"] == SHIM


def test_a_fault_that_sets_the_same_variable_does_not_lose_it(start: Start) -> None:
    found = start({**GIVEN, "LD_PRELOAD": JEMALLOC}, LD_PRELOAD=DATADOG)
    assert found["LD_PRELOAD"] == f"{SHIM}:{JEMALLOC}"
    assert start({**GIVEN, "LD_PRELOAD": None}, LD_PRELOAD=DATADOG)["LD_PRELOAD"] == SHIM


def test_without_faults_of_connections_no_variable_changes(start: Start) -> None:
    for published in (None, {}, {"TABLE_NAME": "none"}):
        assert start(published, LD_PRELOAD=JEMALLOC)["LD_PRELOAD"] == JEMALLOC
        found = start(published)
        assert "LD_PRELOAD" not in found
        assert not [name for name in found if name.startswith("_FAULTLAYER_S")]
