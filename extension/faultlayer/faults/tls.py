"""TLS: the handshake with a host fails while the invocation lasts.

Connections without TLS are left alone. Idle ones to these hosts are closed when it begins, so
that there is a handshake.
"""

from __future__ import annotations

from faultlayer.values.kinds import Choice
from faultlayer.vocabulary.actions import Action, Disturb
from faultlayer.vocabulary.disturbances import BadHandshake
from faultlayer.vocabulary.registry import HOST_FIELDS, Fault, Option, Options, hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation

_GARBAGE = "garbage"


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    return Disturb(BadHandshake(garbage=options.how == _GARBAGE), options.hosts, how=options.how)


FAULT = Fault(
    __name__,
    order=27,
    help="the TLS handshake fails with an alert, or breaks",
    main=Option("how", Choice(_GARBAGE, "handshake"), "an alert, or bytes that are no TLS"),
    options=(hosts(),),
    decide=decide,
    logged={
        "how": "`handshake` or `garbage`",
        **HOST_FIELDS,
    },
    relayed=True,
)
