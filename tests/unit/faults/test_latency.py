"""LATENCY: how late, and on which side."""

from __future__ import annotations

import pytest

from faultlayer.faults import all_faults
from faultlayer.values.kinds import DurationRange
from faultlayer.vocabulary.actions import AFTER, Delay, NotApplicable
from faultlayer.vocabulary.registry import Options
from unit.faults.decided import decided, doubted


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 0.1), (0.5, 0.25), (1 - 2**-53, 0.4)])
def test_latency_lies_within_its_range(draw: float, seconds: float) -> None:
    action = decided(draw, LATENCY="100ms..400ms", LATENCY_WHEN="after")
    assert isinstance(action, Delay)
    assert action.seconds == pytest.approx(seconds)
    assert (action.when, action.terminal) == (AFTER, False)
    assert decided(draw, LATENCY="300ms").seconds == 0.3


@pytest.mark.parametrize(
    ("delay", "length", "who"),
    [
        ("3s", "as long as", "every invocation that is hit"),
        ("5s", "longer than", "every invocation that is hit"),
        ("3s..9s", "longer than", "every invocation that is hit"),
        ("100ms..3s", "as long as", "some invocations that are hit"),
    ],
)
def test_a_delay_as_long_as_the_timeout_is_doubted(delay: str, length: str, who: str) -> None:
    said = f"is {length} the function's timeout of 3 s: {who} will time out"
    assert doubted(3, LATENCY=delay) == said
    assert doubted(3, LATENCY=delay, LATENCY_WHEN="after") == said


@pytest.mark.parametrize("delay", ["2999ms", "0s..2999ms"])
def test_a_shorter_delay_is_not_doubted(delay: str) -> None:
    assert doubted(3, LATENCY=delay) == ""


def test_no_delay_is_no_fault() -> None:
    """A delay of 0 is not logged as injected, for every fault."""
    assert isinstance(decided(0.5, LATENCY="0"), NotApplicable)
    assert isinstance(decided(0.5, LATENCY="0..1ms"), Delay)
    assert isinstance(decided(0.5, NETWORK="0ms"), NotApplicable)
    (init,) = [fault for fault in all_faults() if fault.begin and fault.name == "init"]
    nothing = {init.main.name: DurationRange().parse("0")}
    assert isinstance(init.begin(Options(nothing), 0.5), NotApplicable)
