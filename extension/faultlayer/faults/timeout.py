"""TIMEOUT: the event is held until so much is left before the deadline; 0 runs past it.

The deadline is Lambda's wall-clock time. A clock that jumped can shorten or lengthen the wait, but
never beyond Lambda's longest timeout.
"""

from __future__ import annotations

import time

from faultlayer.values.kinds import LONGEST, Duration
from faultlayer.vocabulary.actions import Action, Delay, HoldPastDeadline, NotApplicable
from faultlayer.vocabulary.registry import Equivalent, Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    deadline = invocation.deadline()
    if deadline is None:
        return NotApplicable("the deadline of the invocation is not known")
    seconds = min(max(deadline - time.time(), 0.0), LONGEST) - options.margin
    if options.margin == 0:
        return HoldPastDeadline(seconds, time.monotonic() + seconds)
    if seconds <= 0:
        return NotApplicable("the margin is longer than the time that the function has")
    return Delay(seconds, until=time.monotonic() + seconds)


def doubt(options: Options, timeout: float) -> str:
    if options.margin < timeout:
        return ""
    length = "longer than" if options.margin > timeout else "as long as"
    return f"leaves no time: the margin is {length} the function's timeout of {timeout:g} s"


FAULT = Fault(
    __name__,
    order=20,
    help="the event is held until the margin, or until Lambda times the invocation out",
    main=Option("margin", Duration(), "how long before the deadline; `0` runs past it"),
    equivalents=(
        Equivalent(
            "timeout",
            {"timeout_buffer_ms": ("margin", "milliseconds up to 15 minutes")},
            lambda given: {"margin": given.get("timeout_buffer_ms", 0)},
        ),
    ),
    decide=decide,
    doubt=doubt,
    logged={
        "delay_ms": "how long the event is held (milliseconds)",
        "when": "`before`: the function gets the event late, or never",
    },
)
