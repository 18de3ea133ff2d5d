"""So many changes a minute, by a clock that the test moves; an interrupt ends the waiting."""

from __future__ import annotations

import pytest

from faultlayer_cli.fleet.pace import Pace


class Clock:
    """A clock that moves while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.interrupted = False

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        if not self.interrupted:
            self.now += seconds
        return self.interrupted


def test_turns_have_equal_distances() -> None:
    clock = Clock()
    pace = Pace(30, clock)
    turns = []
    for _ in range(4):
        assert pace.take_turn(clock.wait)
        turns.append(clock.now)
    assert turns == [100, 102, 104, 106]


def test_time_that_was_not_used_is_not_made_up_for() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    assert pace.take_turn(clock.wait)
    clock.now += 30
    for due in (130, 131, 132):
        assert pace.take_turn(clock.wait)
        assert clock.now == due


def test_an_interrupt_ends_the_waiting() -> None:
    clock = Clock()
    pace = Pace(1, clock)
    assert pace.take_turn(clock.wait)
    clock.interrupted = True
    assert not pace.take_turn(clock.wait)
    assert clock.now == 100


def test_without_a_pace_nobody_waits() -> None:
    clock = Clock()
    clock.interrupted = True
    pace = Pace(None, clock)
    assert all(pace.take_turn(clock.wait) for _ in range(9))
    assert pace.told(280) == ""


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, ""),
        (2, "2 changes at 30 a minute take 2 s"),
        (280, "280 changes at 30 a minute take 9 min"),
    ],
)
def test_how_long_it_takes(count: int, told: str) -> None:
    assert Pace(30).told(count) == told
