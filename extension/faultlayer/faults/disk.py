"""DISK: `/tmp` is filled by a size, or until so much is free, while the invocation lasts.

The function gets a real ENOSPC, and nothing stays behind: see `environment.space`.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html
"""

from __future__ import annotations

from faultlayer.values.sizes import Amount
from faultlayer.vocabulary.actions import Action, Hold, Space
from faultlayer.vocabulary.registry import Equivalent, Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation

_MOST = 10 << 30  # bytes: the largest /tmp that Lambda gives


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    leave_free, size = options.amount
    return Hold(Space(size, leave_free=leave_free), **{"left" if leave_free else "size": size})


def _megabytes(given: dict[str, Any]) -> dict[str, Any]:
    return {"amount": f"{given.get('disk_space', 100)}MB"}


FAULT = Fault(
    __name__,
    order=30,
    help="`/tmp` is filled by, or down to, this much for the invocation",
    main=Option("amount", Amount(_MOST), "how much is taken, or left"),
    equivalents=(
        Equivalent(
            "diskspace", {"disk_space": ("amount", "megabytes from 1 to 10240")}, _megabytes
        ),
    ),
    decide=decide,
    logged={
        "size": "how much is to be filled (bytes)",
        "left": "how much is to be left free (bytes), with `free:`",
        "held": "how much is filled while the invocation lasts (bytes)",
    },
)
