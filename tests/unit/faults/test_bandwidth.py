"""BANDWIDTH: bytes a second."""

from __future__ import annotations

import pytest

from fakes.holding import refusal
from unit.faults.decided import decided


def test_it_is_bytes_a_second() -> None:
    action = decided(BANDWIDTH="64KB")
    assert action.disturbance.rate == 65536
    assert action.numbers == {"bytes_per_second": 65536}


@pytest.mark.parametrize("text", ["0", "0KB", "64", "2GB", "fast"])
def test_what_is_refused_at_start(text: str) -> None:
    assert "allowed: a size from 1KB to 1GB" in refusal("bandwidth", text)
