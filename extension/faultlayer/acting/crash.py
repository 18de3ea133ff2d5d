"""The runtime killed in the middle of an invocation."""

from __future__ import annotations

import posix

from faultlayer.environment.processes import Runtime
from faultlayer.targeting.injection import mention

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.targeting.injection import Hit


def crash(hit: Hit, address: bytes, request_id: str, end: Callable[[], object]) -> bool:
    """Kill the runtime that was told this address; false where that cannot be, which is said.

    `end` does what must be done before that: it may be our own end, too.
    """
    try:
        runtime = Runtime(address)
        if runtime.within_reach():
            hit.log(request_id)
            end()
            runtime.kill()
            return True
        why = "no process was found that has the proxy's address in its environment"
    except OSError as error:
        why = f"the runtime cannot be killed: {posix.strerror(error.errno or 0)}"
    hit.rule.give_back()
    mention(hit.rule, why, request_id)
    return False
