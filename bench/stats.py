"""The benchmark's arithmetic: numbers in, numbers out.

A percentile is a measured value (nearest rank, no interpolation). A ratio with a denominator of 0
or less is None: if the yardstick could not be measured, nothing may look fast or slow beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles: half of the values between."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        if not values:
            raise ValueError("no values to take a median of")
        ordered = sorted(values)
        return cls(median(ordered), percentile(ordered, 0.25), percentile(ordered, 0.75))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of ascending values; 0 < share <= 1."""
    if not ordered:
        raise ValueError("no values to take a percentile of")
    if not 0 < share <= 1:
        raise ValueError(f"share {share} is not within (0, 1]")
    return ordered[math.ceil(share * len(ordered)) - 1]


def ratio(value: float | None, yardstick: float | None) -> float | None:
    if value is None or yardstick is None or yardstick <= 0:
        return None
    return value / yardstick


def paired(values: Sequence[float], base: Sequence[float]) -> list[float]:
    """Differences round by round: a slow spell of the machine cancels out."""
    return [value - below for value, below in zip(values, base, strict=True)]


def paired_ratio(values: Sequence[float], yardstick: Sequence[float]) -> float | None:
    """The median of the ratios round by round.

    Not the ratio of the medians: if the machine changes its pace half way, one median would fall
    in the fast half and the other in the slow half.
    """
    ratios = [ratio(a, b) for a, b in zip(values, yardstick, strict=True)]
    usable = [one for one in ratios if one is not None]
    return median(usable) if usable else None
