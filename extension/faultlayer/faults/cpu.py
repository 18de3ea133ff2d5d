"""CPU: cores are kept busy while the invocation lasts.

A process of our own for each core, which ends with the invocation, with the extension, and at the
deadline. With one more process than cores the function shares them.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from faultlayer.values.kinds import Whole
from faultlayer.vocabulary.actions import Action, Cores, Hold
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.invocation import Invocation

_MOST = 32  # more than Lambda gives: 6 vCPUs, 32 on Managed Instances


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    return Hold(Cores(options.cores), cores=options.cores)


FAULT = Fault(
    __name__,
    order=33,
    help="cores are kept busy for the invocation",
    main=Option("cores", Whole(1, _MOST), "how many cores"),
    decide=decide,
    logged={
        "cores": "how many cores are kept busy",
    },
)
