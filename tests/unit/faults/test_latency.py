"""LATENCY: how late, and on which side."""

from __future__ import annotations

import pytest

from faultlayer.vocabulary.actions import AFTER, Delay
from unit.faults.decided import decided


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 0.1), (0.5, 0.25), (1 - 2**-53, 0.4)])
def test_latency_lies_within_its_range(draw: float, seconds: float) -> None:
    action = decided(draw, LATENCY="100ms..400ms", LATENCY_WHEN="after")
    assert isinstance(action, Delay)
    assert action.seconds == pytest.approx(seconds)
    assert (action.when, action.terminal) == (AFTER, False)
    assert decided(draw, LATENCY="300ms").seconds == 0.3
