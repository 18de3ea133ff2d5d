"""BANDWIDTH: data comes and goes no faster than this while the invocation lasts."""

from __future__ import annotations

from faultlayer.values.sizes import SizePerSecond
from faultlayer.vocabulary.actions import Action, Disturb
from faultlayer.vocabulary.disturbances import Slow
from faultlayer.vocabulary.registry import HOST_FIELDS, Fault, Option, Options, hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    return Disturb(Slow(options.per_second), options.hosts, bytes_per_second=options.per_second)


FAULT = Fault(
    __name__,
    order=25,
    help="data comes and goes no faster than this",
    main=Option(
        "per_second",
        SizePerSecond(1 << 10, 1 << 30, "64KB"),
        "how much a second, each way, all connections to these hosts together",
    ),
    options=(hosts(),),
    decide=decide,
    logged={
        "bytes_per_second": "how much passes each way (bytes per second)",
        **HOST_FIELDS,
    },
    relayed=True,
)
