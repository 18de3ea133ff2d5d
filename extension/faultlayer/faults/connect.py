"""CONNECT: new connections are refused, or nobody answers them, while the invocation lasts.

Idle connections to these hosts are closed when it begins, since a host that is down has none.
"""

from __future__ import annotations

from faultlayer.values.kinds import Choice
from faultlayer.vocabulary.actions import Action, Disturb
from faultlayer.vocabulary.disturbances import Unreachable
from faultlayer.vocabulary.registry import HOST_FIELDS, Fault, Option, Options, hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation

_SILENT = "blackhole"


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    disturbance = Unreachable(silent=options.how == _SILENT)
    return Disturb(disturbance, options.hosts, how=options.how)


FAULT = Fault(
    __name__,
    order=23,
    help="connections are refused, or nobody answers them",
    main=Option("how", Choice(_SILENT, "refuse"), "what happens to new connections"),
    options=(hosts(),),
    decide=decide,
    logged={
        "how": "`refuse` or `blackhole`",
        **HOST_FIELDS,
    },
    relayed=True,
)
