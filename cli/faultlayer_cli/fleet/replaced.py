"""The effect of an attach on faults that are armed already: those that end or start anew.

    planned changes --> armed now? the same faults? --> ended: ask first
                                                    --> anew:  say so

A function that is stopped, over, idle or in a dry run injects nothing, so nothing of it ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from faultlayer_cli.fleet.change import NEXT_WRAPPER, Change, may_inject
from faultlayer_cli.plans import in_words
from faultlayer_cli.plans.variables import END, Variables

_NAMED = 3  # functions that a line names
_ASIDE = frozenset((END, NEXT_WRAPPER))


@dataclass(frozen=True)
class Replaced:
    """Lines for the user: armed faults that are replaced, and those whose time starts anew."""

    ended: tuple[str, ...]
    anew: tuple[str, ...]


def replaced(changes: Iterable[Change]) -> Replaced:
    """Judge these changes, which are not made yet; functions with the same faults share lines."""
    ended: dict[str, list[str]] = {}
    anew: dict[str, list[str]] = {}
    now = time.time()
    for change in changes:
        before, after = Variables(change.function.variables), Variables(change.variables)
        if not (change.new_variables and may_inject(change.function) and _armed(before, now)):
            continue
        if _faults(before) != _faults(after):
            for line in _lines(before, after, now):
                ended.setdefault(line, []).append(change.function.name)
        elif before.texts.get(END) != after.texts.get(END):
            line = f"{in_words.window(after, now)}; it was {in_words.window(before, now)}"
            anew.setdefault(line, []).append(change.function.name)
    return Replaced(
        tuple(f"{named(names)}: {line}" for line, names in ended.items()),
        tuple(
            f"{named(names)}: the same faults again: their time starts anew, {line}"
            for line, names in anew.items()
        ),
    )


def named(names: list[str], most: int = _NAMED) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _armed(variables: Variables, now: float) -> bool:
    """True if they inject faults now or later, or as a plan says that cannot be read from here."""
    return variables.armed or bool(variables.source and not variables.idle(now))


def _faults(variables: Variables) -> dict[str, str]:
    return {name: text for name, text in variables.own.items() if name not in _ASIDE}


def _lines(before: Variables, after: Variables, now: float) -> list[str]:
    """A line for each armed fault; those that are armed afterwards, too, stay."""
    window = in_words.window(before, now)
    stay = in_words.each(after, first=False) if _armed(after, now) else []
    return [
        f"{said}, {window}" + " (it stays)" * (one in stay)
        for one, said in zip(in_words.each(before, first=False), in_words.each(before), strict=True)
    ]
