"""CRASH: before the runtime sees the event, or so long after."""

from __future__ import annotations

from faultlayer.vocabulary.actions import AFTER, BEFORE, Crash
from unit.faults.decided import decided


def test_before_the_event_is_seen() -> None:
    action = decided(CRASH="before", CRASH_AFTER="5s")
    assert isinstance(action, Crash)
    assert (action.when, action.seconds, action.numbers) == (BEFORE, 0, {"when": BEFORE})
    assert action.terminal


def test_while_the_function_works_on_it() -> None:
    action = decided(CRASH="during", CRASH_AFTER="1500ms")
    assert (action.when, action.seconds) == (AFTER, 1.5)
    assert action.numbers == {"when": "during", "after_ms": 1500}
    assert decided(CRASH="during").seconds == 0.1
