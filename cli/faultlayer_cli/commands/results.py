"""Print what attach, detach and stop did: a table, and one line per function that was not changed.

A value is printed only of variables that are faultlayer's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from faultlayer_cli.commands import output
from faultlayer_cli.commands.output import Cell
from faultlayer_cli.fleet import published
from faultlayer_cli.fleet.change import WRAPPER
from faultlayer_cli.fleet.published import Findings, VersionState
from faultlayer_cli.fleet.rollout import TROUBLE, Outcome, Result
from faultlayer_cli.terminal import put, say

_SHORT = re.compile(r"(?<=^.) (layer arn:\S+:layer:|FAULTLAYER_)?")
_STYLES = {
    Outcome.CHANGED: "green",
    Outcome.PLANNED: "cyan",
    Outcome.REFUSED: "yellow",
    Outcome.UNKNOWN: "red",
    Outcome.FAILED: "red",
    Outcome.INTERRUPTED: "yellow",
}


def differences(results: Sequence[Result]) -> None:
    """Print the exact changes to each function, or the reason why there are none."""
    for result in results:
        put(f"{result.name}: {result.outcome.value}" + _because(result))
        if result.outcome is Outcome.PLANNED and result.change:
            for line in result.change.difference():
                put(f"  {line}")


def show(place: str, found: Sequence[Result]) -> None:
    """Print the table and, on standard error, the number of each outcome and the place."""
    rows = [(r.name, Cell(r.outcome.value, _STYLES.get(r.outcome, "")), _brief(r)) for r in found]
    output.table(("function", "outcome", ""), rows)
    counts = [(o.value, sum(r.outcome is o for r in found)) for o in Outcome]
    say(f"{place}: " + ", ".join(f"{count} {name}" for name, count in counts if count))


def code(found: Sequence[Result]) -> int:
    """0: all is as wanted; 2: nothing was changed, by the user's mistake; 1: anything else."""
    outcomes = {result.outcome for result in found}
    if not outcomes & set(TROUBLE):
        return 0
    mistaken = outcomes <= {Outcome.REFUSED, Outcome.UNKNOWN, Outcome.UNCHANGED}
    return 2 if mistaken else 1


def failed(found: Sequence[Result]) -> None:
    """Print one line on standard error for each function that was not changed, with the reason."""
    for result in found:
        if result.outcome in TROUBLE:
            say(f"{result.name}: {result.outcome.value}{_because(result)}")


def left_published(findings: Findings, *, live: bool = True) -> None:
    """Say which published versions inject faults, or may, and what leads callers away from them.

    `live`: also those that follow a live plan.
    """
    for line in findings.unknown:
        say(line)
    for name, advice in findings.advice.items():
        left = [one for one in findings.left if one.function.name == name]
        if not live and all(one.state is VersionState.LIVE for one in left):
            continue
        for one in left:
            say(published.told(one))
        for line in advice:
            say(f"  {line}")


def _because(result: Result) -> str:
    return f": {result.reason}" if result.reason else ""


def _brief(result: Result) -> str:
    """The change in a few words; empty if a line of its own says what went wrong."""
    change = result.change
    if result.outcome in TROUBLE:
        return ""
    if result.reason or change is None:
        return result.reason
    lines = [line for line in change.difference() if WRAPPER not in line]
    return ", ".join(_SHORT.sub("", line) for line in lines)
