"""DNS: names do not resolve while the invocation lasts.

The function's lookups fail as the resolver's would. A connection that is open goes on, and a
program that looks names up by itself is not reached.
https://man7.org/linux/man-pages/man3/getaddrinfo.3.html
"""

from __future__ import annotations

from faultlayer.values.kinds import Choice
from faultlayer.vocabulary.actions import Action, Disturb
from faultlayer.vocabulary.disturbances import Unresolved
from faultlayer.vocabulary.registry import Equivalent, Fault, Option, Options, hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    return Disturb(Unresolved(options.error), options.hosts, error=options.error)


def _denylist(given: dict[str, Any]) -> dict[str, Any]:
    expressions = given.get("deny_list", [])
    if not isinstance(expressions, list):
        return {"error": "nxdomain", "hosts": None}  # `hosts` is refused: it is no list
    hosts = [f"/{each}/" if isinstance(each, str) else each for each in expressions]
    return {"error": "nxdomain", "hosts": hosts}


FAULT = Fault(
    __name__,
    order=22,
    help="names do not resolve",
    main=Option("error", Choice("servfail", "timeout", "nxdomain"), "how the lookup fails"),
    options=(hosts(names_only=True),),
    equivalents=(
        Equivalent(
            "denylist", {"deny_list": ("hosts", "a list of regular expressions")}, _denylist
        ),
    ),
    decide=decide,
    logged={
        "error": "`nxdomain`, `servfail` or `timeout`",
        "host": "the name that was looked up",
    },
)
