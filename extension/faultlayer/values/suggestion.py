"""The known name that a mistyped one was meant to be. Imported only if somebody mistyped.

There is a hint only if few letters differ. A long name does not raise its cost.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 64
_FEW = 4


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of the known names; empty if none is near."""
    name = name[:_LONGEST]
    least, nearest = _FEW, ""
    for other in known:
        distance = _distance(name, other, least)
        if distance < least:
            least, nearest = distance, other
    # A short name differs from every other in few letters.
    return f"; did you mean {nearest}?" if least < len(nearest) else ""


def _distance(one: str, other: str, enough: int) -> int:
    """Levenshtein's edit distance; `enough` if it is that or more."""
    if abs(len(one) - len(other)) >= enough:
        return enough
    start = 0
    while start < len(one) and one[start : start + 1] == other[start : start + 1]:
        start += 1
    one, other = one[start:], other[start:]
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
        if min(row) >= enough:
            return enough
    return row[-1]
