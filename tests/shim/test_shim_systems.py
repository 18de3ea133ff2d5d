"""The shim in programs of glibc 2.17, and on arm64 (qemu).

The compiler is the shim's own, which has the symbols of every glibc and both architectures.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from compiled import HERE, compile_with
from shimmed import ROOT, environment, needs_shim
from test_shim_programs import same, told

import machine
from faultlayer.vocabulary.disturbances import Unreachable, Unresolved
from proxy.dependencies.redirected import LOCAL, Redirected, host

sys.path.insert(0, str(ROOT))
from layer import shim

pytestmark = [needs_shim, pytest.mark.whole]
LOADER = "/opt/faultlayer/lib/ld-linux-aarch64.so.1"
QEMU = "qemu-aarch64-static"


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


def build(target: Path, triple: str, *options: str) -> Path:
    command = [*map(str, shim.compiler(ROOT)), "cc", "-target", triple, *options]
    return compile_with(command, target, HERE / "trials.c", limit=500)


@pytest.mark.skipif("platform.machine() != 'x86_64'", reason="made for x86_64")
def test_a_program_of_glibc_2_17(redirected: Redirected, tmp_path: Path) -> None:
    trials = build(tmp_path / "trials", "x86_64-linux-gnu.2.17")
    same(redirected, trials, "bad", "kinds", "nonblocking", "kept", "descriptors", "lookup")
    same(redirected, trials, "threads", "forks", "signals", "handlers", "torn")


def test_a_program_of_arm64(redirected: Redirected, tmp_path: Path) -> None:
    """With the C library of the arm64 layer, which is Debian's."""
    qemu = machine.program(QEMU)
    done = subprocess.run(
        [ROOT / "build.sh", "arm64"], check=False, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    trials = build(tmp_path / "trials", "aarch64-linux-gnu.2.36", f"-Wl,--dynamic-linker={LOADER}")
    (tmp_path / "opt").symlink_to(ROOT / "dist" / "arm64")
    emulated = tmp_path / "emulated"
    given = f"-L {tmp_path} -E LD_LIBRARY_PATH={Path(LOADER).parent}"
    emulated.write_text(
        f'#!/bin/sh\nexec {qemu} {given} ${{SHIM:+-E LD_PRELOAD="$SHIM"}} {trials} "$@"\n'
    )
    emulated.chmod(0o755)
    shimmed = environment(redirected.name, SHIM=str(ROOT / "shim" / "built" / "arm64.so"))
    del shimmed["LD_PRELOAD"]  # of qemu itself
    with host() as port:
        # Not `bad`, which ends qemu, nor those that need what the layer lacks: libgcc, binfmt.
        for name in ("kinds", "nonblocking", "kept", "descriptors", "threads", "signals", "lookup"):
            before = redirected.control.heard
            output = told(emulated, name, port, shimmed)
            assert redirected.control.heard > before, "the shim is loaded"
            assert output == told(emulated, name, port), name
        with redirected.disturbed(Unreachable(silent=False)):
            assert "connect 111" in told(emulated, "lookup", port, shimmed)
        with redirected.disturbed(Unresolved("nxdomain"), hosts=LOCAL):
            assert told(emulated, "lookup", port, shimmed).startswith("lookup -2 host 0 0 1 0 1")
