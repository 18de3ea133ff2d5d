"""BANDWIDTH: bytes a second."""

from __future__ import annotations

import pytest

from fakes.holding import refusal
from unit.faults.decided import decided


def test_it_is_bytes_a_second() -> None:
    for text in ("64KB", "64KB/s", " 64 kb /s "):
        action = decided(BANDWIDTH=text)
        assert action.disturbance.rate == 65536
        assert action.numbers == {"bytes_per_second": 65536}


@pytest.mark.parametrize("text", ["0", "0KB", "64", "64/s", "8Mbps", "8Mbit", "2GB", "fast"])
def test_what_is_refused_at_start(text: str) -> None:
    assert "allowed: a size per second from 1KB to 1GB" in refusal("bandwidth", text)
