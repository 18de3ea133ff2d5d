"""Stores of live plans: parameters and AppConfig profiles, read and written in the same way.

A plan that disarms is written even if the plan that is there cannot be read. Disarming never
creates a parameter.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from faultlayer_cli.aws.account import Account, Function, Refused
from faultlayer_cli.errors import Failure
from faultlayer_cli.plans.appconfig import Profile
from faultlayer_cli.plans.parameter import Parameter
from faultlayer_cli.plans.place import SSM, Found, Place, checked, named
from faultlayer_cli.plans.state import DISARMED, PlanState, judge


class Store(Protocol):
    """A live plan's place in one account and region: read it, write it."""

    place: Place
    delay: str  # how long until a change takes effect

    def read(self) -> Found:
        """The plan there. Raises Unknown if there can be no such place."""

    def check(self, text: str, *, advanced: bool) -> None:
        """Raise Failure if this text cannot be written there now."""

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        """Put the plan in force. `urgent`: stop a deployment under way, and create nothing."""

    def read_by(self, function: Function) -> bool:
        """True if the function reads its plan here."""


def at(account: Account, place: Place, pause: Callable[[float], object] = time.sleep) -> Store:
    """The store at this place; `pause` is called to wait for AWS. Raises Mistake."""
    if checked(place).kind == SSM:
        return Parameter(account, place)
    return Profile(account, place, pause)


def readers(account: Account, source: Store) -> list[Function]:
    """The functions of the region that read this store, and their published versions."""
    return [function for function in account.all_versions() if source.read_by(function)]


class DisarmOutcome(Enum):
    """The outcome of disarming a store."""

    PLANNED = "would disarm"
    DISARMED = "disarmed"
    UNCHANGED = "unchanged"  # it was disarmed already
    ABSENT = "not there"
    FAILED = "failed"


@dataclass(frozen=True)
class DisarmResult:
    """The outcome for one store, with the reason if it needs one."""

    place: Place
    outcome: DisarmOutcome
    reason: str = ""


def disarm(
    source: Store, *, dry_run: bool = False, check: Callable[[str], None] | None = None
) -> DisarmResult:
    """Write a plan that injects nothing, also over one that cannot be read.

    `dry_run`: say what would be done, and write nothing. `check` gets the text that would be
    overwritten, and may raise Failure.
    """
    reason = ""
    try:
        found = source.read()
    except Refused as refused:
        reason = f"what was there could not be read: {refused}"
    else:
        if found.text is None:
            return DisarmResult(source.place, DisarmOutcome.ABSENT, found.note)
        if judge(found.text)[0] is PlanState.DISABLED:
            return DisarmResult(source.place, DisarmOutcome.UNCHANGED, found.note)
        if check is not None:
            check(found.text)
    if dry_run:
        return DisarmResult(source.place, DisarmOutcome.PLANNED, reason)
    source.write(DISARMED, urgent=True)
    return DisarmResult(source.place, DisarmOutcome.DISARMED, reason)


def places(functions: Iterable[Function]) -> list[Place]:
    """The places that these functions read, each once."""
    return list(dict.fromkeys(place for each in functions if (place := named(each))))


def try_disarm(
    account: Account,
    place: Place,
    pause: Callable[[float], object] = time.sleep,
    *,
    dry_run: bool = False,
) -> DisarmResult:
    """Disarm as `disarm` does; a failure is a result."""
    try:
        return disarm(at(account, place, pause), dry_run=dry_run)
    except Failure as failure:
        return DisarmResult(place, DisarmOutcome.FAILED, str(failure))
