"""The nearest known name: what edit distance says, soon enough for a start full of mistakes."""

from __future__ import annotations

import time

from hypothesis import example, given
from hypothesis import strategies as st

from faultlayer.values.suggestion import hint

FAULTS = ("LATENCY", "TIMEOUT", "EXCEPTION", "STATUS", "CORRUPTION", "HEADERS", "DUPLICATE", "DISK")
OPTIONS = ("RATE", "MATCH", "MAX", "WHEN", "BODY", "HEADERS", "SCOPE")


def plainly(one: str, other: str) -> int:
    """Edit distance as its definition has it."""
    if not one or not other:
        return len(one) + len(other)
    same = plainly(one[1:], other[1:]) + (one[0] != other[0])
    return min(same, plainly(one[1:], other) + 1, plainly(one, other[1:]) + 1)


@given(st.text("abA", max_size=5), st.lists(st.text("abA", max_size=5), min_size=1, max_size=4))
@example("ab", ["ba", "b", "ab"])
@example("", ["a"])
def test_the_first_of_the_nearest_is_meant(name: str, known: list[str]) -> None:
    distances = [plainly(name, other) for other in known]
    best = known[distances.index(min(distances))]
    near = min(distances) < min(4, len(best))
    assert hint(name, known) == (f"; did you mean {best}?" if near else "")


def test_many_long_mistakes_do_not_use_up_lambdas_ten_seconds_of_start() -> None:
    known = [f"FAULTLAYER_{fault}_{option}" for fault in FAULTS for option in OPTIONS]
    started = time.process_time()
    for number in range(200):
        assert hint(f"FAULTLAYER_SOMETHING_ELSE_{number}_{'Q' * 40}", known) == ""
        assert hint(f"FAULTLAYER_{number}_{'Q' * 12}", known) == ""
    assert time.process_time() - started < 3
    assert hint("FAULTLAYER_LATENZY_RATE", known) == "; did you mean FAULTLAYER_LATENCY_RATE?"
