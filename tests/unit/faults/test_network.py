"""NETWORK: a delay, drawn once for an invocation."""

from __future__ import annotations

from unit.faults.decided import decided


def test_the_delay_is_drawn_from_its_range() -> None:
    action = decided(0.5, NETWORK="100ms..300ms")
    assert action.disturbance.seconds == 0.2
    assert action.numbers == {"delay_ms": 200.0}
