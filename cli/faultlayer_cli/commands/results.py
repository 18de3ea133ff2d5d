"""Print what attach, detach and stop did: functions with the same outcome share a row or a line.

A value is printed only of variables that are faultlayer's own.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from faultlayer_cli.commands import again, output
from faultlayer_cli.commands.output import Cell
from faultlayer_cli.fleet import published
from faultlayer_cli.fleet.change import WRAPPER
from faultlayer_cli.fleet.published import Findings, VersionState
from faultlayer_cli.fleet.rollout import TROUBLE, Outcome, Result
from faultlayer_cli.terminal import put, say

T = TypeVar("T", bound=Hashable)

_APART = 10  # functions with the same outcome that have lines of their own
_SHORT = re.compile(r"(?<=^.) (layer arn:\S+:layer:|FAULTLAYER_)?")
_STYLES = {
    Outcome.CHANGED: "green",
    Outcome.PLANNED: "cyan",
    Outcome.REFUSED: "yellow",
    Outcome.UNKNOWN: "red",
    Outcome.FAILED: "red",
    Outcome.INTERRUPTED: "yellow",
}


def differences(found: Sequence[Result]) -> None:
    """Print the exact changes to each function, or the reason why there are none.

    Of many functions, those with the same changes share them.
    """
    told: list[tuple[str, tuple[str, ...]]] = []
    for one in found:
        planned = one.change if one.outcome is Outcome.PLANNED else None
        lines = planned.difference() if planned else []
        told.append((one.name, (one.outcome.value + _because(one), *lines)))
    for names, (outcome, *lines) in _grouped(told):
        put(f"{names}: {outcome}")
        for line in lines:
            put(f"  {line}")


def table(found: Sequence[Result]) -> None:
    """Print the outcomes; of many functions, those with the same outcome and change share a row."""
    told = [(one.name, (one.outcome, _brief(one))) for one in found]
    rows = [
        (names, Cell(outcome.value, _STYLES.get(outcome, "")), brief)
        for names, (outcome, brief) in _grouped(told)
    ]
    output.table(("function", "outcome", ""), rows)


def _grouped(told: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
    """Names with their texts; more than ten equal texts share a line."""
    groups: dict[T, list[str]] = {}
    for name, text in told:
        groups.setdefault(text, []).append(name)
    lines = []
    for text, names in groups.items():
        if len(names) > _APART:
            lines.append((published.listed(names), text))
        else:
            lines += [(name, text) for name in names]
    return lines


def summary(place: str, found: Sequence[Result]) -> None:
    """Print the number of each outcome, and the place: the last line of the command."""
    say(f"{place}: {counted(found)}")


def counted(found: Iterable[Result]) -> str:
    """The number of each outcome: `12 changed, 250 unchanged`."""
    outcomes = [one.outcome for one in found]
    return ", ".join(f"{outcomes.count(one)} {one.value}" for one in Outcome if one in outcomes)


def go_on(found: Sequence[Result], *, named: bool = True) -> None:
    """After an interrupt, say the command that goes on with the functions that are left.

    `named`: it names them. Else it is the same command again.
    """
    left = [one.name for one in found if one.outcome is Outcome.INTERRUPTED]
    if left:
        command = again.command_line(left if named else ())
        say(f"interrupted: {counted(found)}; to go on: {command}")


def code(found: Sequence[Result]) -> int:
    """0: all is as wanted; 2: nothing was changed, by the user's mistake; 1: anything else."""
    outcomes = {result.outcome for result in found}
    if not outcomes & set(TROUBLE):
        return 0
    mistaken = outcomes <= {Outcome.REFUSED, Outcome.UNKNOWN, Outcome.UNCHANGED}
    return 2 if mistaken else 1


def failed(found: Sequence[Result]) -> None:
    """Print one line on standard error for each reason why functions were not changed.

    All of these functions are named.
    """
    groups: dict[tuple[Outcome, str], list[Result]] = {}
    for one in found:
        if one.outcome in TROUBLE:
            groups.setdefault((one.outcome, _without_name(one)), []).append(one)
    for (outcome, reason), same in groups.items():
        if len(same) == 1:
            say(f"{same[0].name}: {outcome.value}{_because(same[0])}")
        else:
            why = f": {reason}" if reason else ""
            names = ", ".join(one.name for one in same)
            say(f"{len(same)} functions: {outcome.value}{why}: {names}")


def _without_name(result: Result) -> str:
    """The reason as it is the same for other functions."""
    name = re.escape(result.name)
    return re.sub(rf"\b(function|detach|parameter) {name}(?![\w-])", r"\1 NAME", result.reason)


def left_published(findings: Findings, *, live: bool = True) -> None:
    """Name published versions that may inject faults, and commands against them.

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
    """The change in a few words; empty beside a failure's own line."""
    change = result.change
    if result.outcome in TROUBLE:
        return ""
    if result.reason or change is None:
        return result.reason
    lines = [line for line in change.difference() if WRAPPER not in line]
    return ", ".join(_SHORT.sub("", line) for line in lines)
