"""LATENCY: the event reaches the function late (before), or its answer leaves late (after)."""

from __future__ import annotations

from faultlayer.values.kinds import Choice, DurationRange
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action, Delay, NotApplicable
from faultlayer.vocabulary.registry import Equivalent, Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    low, high = options.delay
    if not high:
        return NotApplicable("its delay is 0, so nothing is late")
    return Delay(low + (high - low) * draw, options.when)


def doubt(options: Options, timeout: float) -> str:
    low, high = options.delay
    if high < timeout:
        return ""
    hit = "every invocation that is hit" if low >= timeout else "some invocations that are hit"
    length = "longer than" if high > timeout else "as long as"
    return f"is {length} the function's timeout of {timeout:g} s: {hit} will time out"


_MILLISECONDS = ("delay", "milliseconds up to 15 minutes, the minimum not above the maximum")
_SECONDS = ("delay", "seconds up to 900")


def _between(given: dict[str, Any]) -> dict[str, Any]:
    low = given.get("min_latency", 0)
    return {"delay": f"{low}..{given.get('max_latency', low)}"}


def _seconds(given: dict[str, Any]) -> dict[str, Any]:
    # The blank keeps a unit that is none there from becoming one here.
    return {"delay": f"{given.get('CHAOS_EXTENSION__LAMBDA__LATENCY_VALUE', 900)} s"}


FAULT = Fault(
    __name__,
    order=10,
    help="the event reaches the function late (before) or the response leaves late (after)",
    main=Option("delay", DurationRange(), "how long; a range is uniform"),
    options=(Option("when", Choice(BEFORE, AFTER), "on which side of the function", BEFORE),),
    equivalents=(
        Equivalent(
            "latency", {"min_latency": _MILLISECONDS, "max_latency": _MILLISECONDS}, _between
        ),
        Equivalent(
            "CHAOS_EXTENSION__LAMBDA__ENABLE_LATENCY",
            {"CHAOS_EXTENSION__LAMBDA__LATENCY_VALUE": _SECONDS},
            _seconds,
            share="CHAOS_EXTENSION__LAMBDA__LATENCY_PROBABILITY",
            usual=0.9,
        ),
    ),
    decide=decide,
    doubt=doubt,
    logged={
        "delay_ms": "how long the event or the response is held (milliseconds)",
        "when": "`before` or `after` the function",
    },
)
