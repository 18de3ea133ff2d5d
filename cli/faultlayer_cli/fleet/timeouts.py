"""Faults that outlast a function's timeout, told before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable

from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.fleet.change import Change
from faultlayer_cli.plans.variables import Variables

_NAMED = 3  # functions that a line names


def _doubts(change: Change) -> list[str]:
    """One text for each rule of a change that the function's timeout makes another thing of."""
    timeout = change.function.timeout
    chooser = Variables(change.variables).configuration.chooser if timeout else None
    found = []
    for rule in chooser.rules if chooser else ():
        doubt = rule.fault.doubt(rule.options, timeout)
        if doubt:
            found.append(f"{PREFIX}{rule.fault.name.upper()} {doubt}")
    return found


def doubts(changes: Iterable[Change]) -> list[str]:
    """One line for each doubt, with the functions that it is about."""
    found: dict[str, list[str]] = {}
    for change in changes:
        for doubt in _doubts(change):
            found.setdefault(doubt, []).append(change.function.name)
    lines = []
    for doubt, names in found.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        lines.append(f"{', '.join(names[:_NAMED])}{more}: {doubt}")
    return lines
