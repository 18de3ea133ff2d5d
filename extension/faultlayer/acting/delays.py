"""Delays: an event or a result held for a time, or an event held past the deadline.

The log has the line before the waiting begins: Lambda may end the environment meanwhile.
"""

from __future__ import annotations

from time import monotonic

from faultlayer.acting.actors import Actor
from faultlayer.acting.pending import GRACE
from faultlayer.acting.responses import drop
from faultlayer.vocabulary.actions import BEFORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.acting.actors import Turn
    from faultlayer.targeting.injection import Injection
    from faultlayer.vocabulary.actions import Delay, HoldPastDeadline


def seconds_to_wait(action: Delay | HoldPastDeadline) -> float:
    """How long to wait from now on."""
    if action.until is None:
        return action.seconds + 0.0
    return max(action.until - monotonic(), 0.0)


def _delay(injection: Injection, wait: Callable[[float], None]) -> None:
    try:
        seconds = seconds_to_wait(injection.action)
    except Exception as error:
        injection.failed(error)
    else:
        injection.happened()
        wait(seconds)


class Delaying(Actor):
    """Holds the event, or the result. First before the function; after a crash, after it."""

    place = 0
    place_after = 1

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        for injection in injections:
            if injection.action.when == BEFORE:
                _delay(injection, turn.wait)

    def after(self, turn: Turn, injections: list[Injection]) -> None:
        for injection in injections:
            if injection.action.when != BEFORE:
                _delay(injection, turn.wait)


class HoldingPastDeadline(Actor):
    """Holds the event until Lambda has ended the invocation. The function never sees it."""

    place = 2

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        for injection in injections:
            try:
                seconds_to_wait(injection.action)
            except Exception as error:
                injection.failed(error)
                continue
            turn.upstream.read_rest(turn.message, drop)
            injection.happened()
            turn.pending.withdraw()  # now: Lambda ends this process with the invocation
            turn.over = True
            turn.wait(seconds_to_wait(injection.action) + GRACE)
            return
