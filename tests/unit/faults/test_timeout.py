"""TIMEOUT: how long the event is held, by the deadline that came with it."""

from __future__ import annotations

import time

import pytest

from faultlayer.faults import find_fault
from faultlayer.vocabulary.actions import Action, Delay, HoldPastDeadline, NotApplicable
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import Options
from unit.faults.decided import doubted

NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def decide(margin: float, left: float | None) -> Action | None:
    """What is decided with this much left before the deadline; None: no deadline is known."""
    ends = b"" if left is None else b"Lambda-Runtime-Deadline-Ms: %d\r\n" % ((NOW + left) * 1000)
    head = b"HTTP/1.1 200 OK\r\n%b\r\n" % ends
    fault = find_fault("timeout")
    assert fault is not None
    return fault.decide(Options({"margin": margin}), Invocation(head, head.lower()), 0.5)


def test_the_margin_is_left() -> None:
    action = decide(0.5, 3)
    assert isinstance(action, Delay)
    assert action.seconds == pytest.approx(2.5)
    assert action.numbers["delay_ms"] == pytest.approx(2500)


@pytest.mark.parametrize("left", [0.5, 0.2, 0, -5])
def test_where_less_is_left_it_does_not_apply(left: float) -> None:
    assert isinstance(decide(0.5, left), NotApplicable)


def test_zero_runs_past_the_deadline() -> None:
    action = decide(0, 3)
    assert isinstance(action, HoldPastDeadline)
    assert action.seconds == pytest.approx(3)
    assert action.terminal, "the function never sees the event"


@pytest.mark.parametrize("margin", [0, 0.5])
def test_a_clock_that_jumped_holds_nobody_for_ever(margin: float) -> None:
    action = decide(margin, 10**8)
    assert isinstance(action, (Delay, HoldPastDeadline))
    assert action.seconds <= 900


def test_a_deadline_long_past_is_outlasted_at_once() -> None:
    action = decide(0, -(10**8))
    assert isinstance(action, HoldPastDeadline)
    assert action.seconds == 0


@pytest.mark.parametrize("margin", [0, 0.5])
def test_without_a_deadline_it_does_not_apply(margin: float) -> None:
    assert isinstance(decide(margin, None), NotApplicable)


def test_a_margin_as_long_as_the_timeout_is_doubted() -> None:
    said = "leaves no time: the margin is as long as the function's timeout of 2.5 s"
    assert doubted(2.5, TIMEOUT="2500ms") == said
    assert doubted(2.5, TIMEOUT="1m") == said.replace("as long as", "longer than")
    assert doubted(2.5, TIMEOUT="2499ms") == ""
    assert doubted(2.5, TIMEOUT="0") == ""
