"""CRASH: the runtime process is killed, and the next invocation is a cold start.

Before the function sees the event, or while it works: after a time, or when it has answered, if
that is earlier. Then the work is done and its result lost. All processes of the runtime are killed,
as by the kernel's out-of-memory killer, and no others. The caller gets `Runtime.ExitError`.
https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-execution.html
"""

from __future__ import annotations

from faultlayer.values.kinds import Choice, Duration
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action, Crash, milliseconds
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation

_DURING = "during"


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    if options.moment == BEFORE:
        return Crash(BEFORE, 0, when=BEFORE)
    return Crash(AFTER, options.after, when=_DURING, after_ms=milliseconds(options.after))


FAULT = Fault(
    __name__,
    order=35,
    help="the runtime process is killed; the next invocation is a cold start",
    main=Option("moment", Choice(BEFORE, _DURING), "when, as the function sees it"),
    options=(
        Option("after", Duration(), "`during`: how long into the invocation at the latest", 0.1),
    ),
    decide=decide,
    logged={
        "when": "`before` or `during` the function's work on the event",
        "after_ms": "with `during`, how long the function had the event (milliseconds)",
    },
)
