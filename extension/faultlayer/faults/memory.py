"""MEMORY: memory is held by a size, or until so much is free, while the invocation lasts.

The runtime is the first that the kernel ends if memory runs out: see `environment.held_memory`.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from faultlayer.values.sizes import Amount
from faultlayer.vocabulary.actions import Action, Hold, Memory
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation

_MOST = 32 << 30  # bytes: the most that Lambda gives a function, on Managed Instances


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    leave_free, size = options.amount
    return Hold(Memory(size, leave_free=leave_free), **{"left" if leave_free else "size": size})


FAULT = Fault(
    __name__,
    order=32,
    help="memory is held for the invocation",
    main=Option("amount", Amount(_MOST), "how much is held, or left free"),
    decide=decide,
    logged={
        "size": "how much is to be taken (bytes)",
        "left": "how much is to be left free (bytes), with `free:`",
        "held": "how much is taken while the invocation lasts (bytes)",
    },
)
