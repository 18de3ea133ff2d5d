"""What may be done about an invocation: data, with the numbers that its log line tells."""

from __future__ import annotations

import pytest

from faultlayer.vocabulary import actions
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action


def test_a_delay_tells_milliseconds_and_its_side() -> None:
    delay = actions.Delay(0.1234567, AFTER, until=5.0)
    assert delay.numbers == {"delay_ms": 123.457, "when": AFTER}
    assert (delay.seconds, delay.until, delay.terminal) == (0.1234567, 5.0, False)


def test_one_at_most_decides_the_outcome() -> None:
    terminal = {
        kind.__name__
        for kind in vars(actions).values()
        if isinstance(kind, type) and issubclass(kind, Action) and kind.terminal
    }
    assert len(terminal) == 4, terminal


def test_neither_bodies_nor_messages_are_told() -> None:
    failed = actions.Fail("Secret", "secret", AFTER)
    assert failed.numbers == {"when": AFTER, "function_error": True}
    answered = actions.Respond(503, {"secret": "secret"}, "secret", BEFORE)
    assert answered.numbers == {"when": BEFORE, "status": 503}


@pytest.mark.parametrize(
    "action",
    [
        actions.Delay(1),
        actions.Fail("T", "m", BEFORE),
        actions.Repeat(2),
        actions.Alter(lambda event: None, paths=1),
        actions.Hold(lambda sandbox: (lambda: None, {}), size=1),
        actions.Crash(BEFORE, 0, when=BEFORE),
        actions.Rewrite(lambda answer: False, lambda stream: False, headers=1),
    ],
    ids=lambda action: type(action).__name__,
)
def test_it_is_data_and_says_on_which_side_it_belongs(action: Action) -> None:
    assert action.when == (AFTER if isinstance(action, actions.Rewrite) else BEFORE)
    assert all(not callable(number) for number in action.numbers.values())
    with pytest.raises(AttributeError):
        action.another = 1  # type: ignore[attr-defined]
