"""LATENCY: the event reaches the function late (before), or its answer leaves late (after)."""

from __future__ import annotations

from faultlayer.actions import AFTER, BEFORE, Action, Delay
from faultlayer.registry import Fault, Option, Options
from faultlayer.values import Choice, DurationRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    low, high = options.delay
    return Delay(low + (high - low) * draw, options.when)


FAULT = Fault(
    __name__,
    order=10,
    help="the event reaches the function late (before) or the response leaves late (after)",
    main=Option("delay", DurationRange(), "how long; a range is uniform"),
    options=(Option("when", Choice(BEFORE, AFTER), "on which side of the function", BEFORE),),
    decide=decide,
)
