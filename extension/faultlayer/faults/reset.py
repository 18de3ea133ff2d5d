"""RESET: a connection is reset after so many bytes of the answer."""

from __future__ import annotations

from faultlayer.values.sizes import Size
from faultlayer.vocabulary.actions import Action, Disturb
from faultlayer.vocabulary.disturbances import Cut
from faultlayer.vocabulary.registry import HOST_FIELDS, Fault, Option, Options, hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    return Disturb(Cut(options.after), options.hosts, after_bytes=options.after)


FAULT = Fault(
    __name__,
    order=26,
    help="a connection is reset after so many bytes of the answer",
    main=Option("after", Size(0, 1 << 30, "64KB"), "how many bytes come through; 0: at once"),
    options=(hosts(),),
    decide=decide,
    logged={
        "after_bytes": "how much of the answer comes through (bytes)",
        **HOST_FIELDS,
    },
    relayed=True,
)
