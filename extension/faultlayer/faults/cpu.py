"""CPU: cores are kept busy while the invocation lasts.

A process of our own for each of them, which ends with the invocation, with this process, and at
the deadline. What the function is left with is what the scheduler makes of that: with one more
process than cores it shares them.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from time import monotonic

from faultlayer.values.kinds import Whole
from faultlayer.vocabulary.actions import Action, Hold
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.vocabulary.actions import Sandbox
    from faultlayer.vocabulary.invocation import Invocation

_MOST = 32  # more than Lambda gives: 6 vCPUs, 32 on Managed Instances
_LONGEST = 2.0  # seconds that an event waits until they have begun


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    def take(sandbox: Sandbox) -> tuple[Callable[[], None], dict[str, Any]]:
        from faultlayer.environment.load_process import LoadProcess

        burdens: list[LoadProcess] = []

        def release() -> None:
            while burdens:
                burdens.pop().stop()

        try:
            for _ in range(options.cores):
                burdens.append(LoadProcess("busy", 1, sandbox.until - monotonic()))
            patience = monotonic() + _LONGEST
            for burden in burdens:  # the event waits for them: it may be short work
                burden.ready(min(patience, sandbox.until) - monotonic())
        except BaseException:
            release()
            raise
        return release, {}

    return Hold(take, cores=options.cores)


FAULT = Fault(
    __name__,
    order=33,
    help="cores are kept busy for the invocation",
    main=Option("cores", Whole(1, _MOST), "how many cores"),
    decide=decide,
)
