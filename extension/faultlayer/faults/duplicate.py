"""DUPLICATE: at-least-once delivery: the function gets the same event several times.

All deliveries have one request id and one deadline, and only the last result leaves. A delivery
that would not end before the deadline is left out. An error ends the deliveries: the caller gets
it.
"""

from __future__ import annotations

from faultlayer.values.kinds import Whole
from faultlayer.vocabulary.actions import Action, Repeat
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    return Repeat(options.times)


FAULT = Fault(
    __name__,
    order=45,
    help="the function is given the same event this often, and only the last answer leaves",
    main=Option("times", Whole(2, 10), "how often, the first time included"),
    decide=decide,
    logged={
        "times": "how often the function is to get the event, the first time included",
    },
)
