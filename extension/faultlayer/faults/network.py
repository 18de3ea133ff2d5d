"""NETWORK: every answer from a host arrives late while the invocation lasts.

Each piece of an answer arrives later by the same time, so throughput is not limited.
"""

from __future__ import annotations

from faultlayer.values.kinds import DurationRange
from faultlayer.vocabulary.actions import Action, Disturb, NotApplicable
from faultlayer.vocabulary.disturbances import Late
from faultlayer.vocabulary.registry import HOST_FIELDS, Fault, Option, Options, hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    low, high = options.delay
    if not high:
        return NotApplicable("its delay is 0, so nothing is late")
    seconds = low + (high - low) * draw
    return Disturb(Late(seconds), options.hosts, delay_ms=round(seconds * 1000, 3))


FAULT = Fault(
    __name__,
    order=24,
    help="each answer of a host arrives late; throughput is not limited",
    main=Option("delay", DurationRange(), "how much later; a range is uniform over invocations"),
    options=(hosts(),),
    decide=decide,
    logged={
        "delay_ms": "how much later each answer arrives (milliseconds)",
        **HOST_FIELDS,
    },
    relayed=True,
)
