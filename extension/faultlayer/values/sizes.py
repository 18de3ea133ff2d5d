"""Sizes people write: `64KB`, `100MB`, `1.5GB`, in powers of 1024.

A bare number is bytes; below 1 KB it is refused: somebody forgot the unit.
"""

from __future__ import annotations

from faultlayer.jsontext import is_number
from faultlayer.values.kinds import Kind, no_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = (("GB", 30), ("MB", 20), ("KB", 10), ("B", 0))
_NUMBER = frozenset("0123456789.")
_LONGEST = 20  # digits
_LEAST_BARE = 1 << 10  # bytes; a smaller number without a unit is a forgotten unit


def show(size: int) -> str:
    """The shortest text that reads as exactly this."""
    for unit, power in _UNITS:
        if size % (1 << power) == 0 and size:
            return f"{size >> power}{unit}"
    return str(size)


class Size(Kind):
    """A number of bytes between two bounds."""

    metavar = "SIZE"

    def __init__(self, low: int, high: int, example: str) -> None:
        self.low, self.high, self.example = low, high, example
        self.allowed = f"a size from {show(low)} to {show(high)} such as 64KB or 7MB"

    def parse(self, value: Any) -> int:
        power, bare = 0, True
        if isinstance(value, str):
            text = value.strip().upper()
            for unit, power_of_unit in _UNITS:
                if text.endswith(unit):
                    text, power, bare = text[: -len(unit)].rstrip(), power_of_unit, False
                    break
            ours = _NUMBER.issuperset(text) and text.count(".") < 2 and len(text) <= _LONGEST
            if not ours or not text.strip("."):
                raise no_number("a size", text)
            value = float(text)
        if not is_number(value):
            raise no_number("a size", value)
        if bare and 0 < value < _LEAST_BARE:
            meant = [f"{value:g}{unit}" for unit in ("B", "KB", "MB") if self._holds(value, unit)]
            raise ValueError(f"has no unit, and would be {value:g} bytes: {' or '.join(meant)}?")
        size = int(value * (1 << power))
        if not self.low <= size <= self.high:
            raise ValueError(f"is outside {show(self.low)} to {show(self.high)}")
        return size

    def _holds(self, number: float, unit: str) -> bool:
        return self.low <= number * (1 << dict(_UNITS)[unit]) <= self.high

    def show(self, value: Any) -> str:
        return show(value)


class SizePerSecond(Size):
    """A number of bytes per second: a size, with or without `/s`."""

    def __init__(self, low: int, high: int, example: str) -> None:
        super().__init__(low, high, example)
        self.allowed = (
            f"a size per second from {show(low)} to {show(high)} such as 64KB or 7MB/s "
            "(bytes, not bits)"
        )

    def parse(self, value: Any) -> int:
        if isinstance(value, str):
            value = value.strip()
            value = value[:-2] if value.endswith("/s") else value
        return super().parse(value)


class Amount(Kind):
    """How much of something to take: a size, or `free:` and how much of it is to be left.

    Its value is whether it is that, and the number of bytes.
    """

    metavar = "AMOUNT"
    example = "100MB"
    _FREE = "free:"

    def __init__(self, most: int) -> None:
        self._taken = Size(1 << 10, most, "100MB")
        self._left = Size(0, most, "0")
        self.allowed = (
            f"a size from 1KB to {show(most)} such as 100MB, or free: and a size that is to be "
            "left, such as free:10MB"
        )

    def parse(self, value: Any) -> tuple[bool, int]:
        text = value.strip() if isinstance(value, str) else ""
        if text[: len(self._FREE)].lower() == self._FREE:
            return True, self._left.parse(text[len(self._FREE) :])
        return False, self._taken.parse(value)

    def show(self, value: Any) -> str:
        free, size = value
        return (self._FREE if free else "") + show(size)
