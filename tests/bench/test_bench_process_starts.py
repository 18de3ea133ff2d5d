"""A process with the shim sends a hello, and is hardly later."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from bench import process_starts
from proxy.dependencies.redirected import Redirected

BUILT = Path(__file__).resolve().parents[2] / "shim" / "built"


@pytest.mark.measures
def test_a_process_that_loads_the_shim_starts_little_later() -> None:
    arch = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    redirected = Redirected()
    shim = {"LD_PRELOAD": str(BUILT / f"{arch}.so"), "_FAULTLAYER_SHIM": redirected.name}
    starts = process_starts.measure(shim, 40)
    assert redirected.control.heard >= 30, "each said hello"
    assert starts.added.median < 5000, "it is 150 us in a quiet moment"
