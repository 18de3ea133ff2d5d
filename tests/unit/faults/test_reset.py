"""RESET: bytes of the answer that come through."""

from __future__ import annotations

from unit.faults.decided import decided


def test_it_is_bytes_of_the_answer() -> None:
    assert decided(RESET="0").disturbance.size == 0
    action = decided(RESET="64KB")
    assert action.disturbance.size == 65536
    assert action.numbers == {"after_bytes": 65536}
