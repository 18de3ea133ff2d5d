"""The function's running time, without its waits for Lambda."""

from __future__ import annotations

import pytest

from faultlayer.dependencies import running_time
from faultlayer.dependencies.running_time import RunningTime


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(running_time, "monotonic", clock)
    return clock


def test_a_frozen_environment_does_not_run(clock: Clock) -> None:
    ran, rung = RunningTime(), []
    ran.ring = lambda: rung.append(clock.now)
    clock.now += 2  # it initialises
    for _ in range(3):
        ran.waits()
        clock.now += 3600
        ran.goes_on()
        clock.now += 20
    assert ran.seconds == 62
    assert not rung
    assert ran.is_period_over
    ran.waits()
    assert rung == [clock.now]
    ran.restart()
    assert (ran.seconds, ran.is_period_over) == (0, False)


def test_an_instance_runs_unless_all_its_workers_wait(clock: Clock) -> None:
    ran = RunningTime()
    for _ in range(3):
        ran.waits()
    clock.now += 100
    assert ran.seconds == 0
    ran.goes_on()
    ran.goes_on()
    clock.now += 5
    ran.waits()
    clock.now += 5
    assert ran.seconds == 10
    ran.waits()
    clock.now += 100
    assert ran.seconds == 10


@pytest.mark.parametrize("jump", [-5000, 1e9])
def test_a_clock_that_jumps_adds_no_more_than_an_invocation(clock: Clock, jump: float) -> None:
    ran = RunningTime()
    clock.now += jump
    assert 0 <= ran.seconds <= 900
    before = ran.seconds
    clock.now += 1
    assert ran.seconds == before + 1
