"""Where live plans are kept: parameters and AppConfig profiles, read and written the same way.

It promises that a plan which disarms is never kept from being written by one that cannot be read,
and that disarming makes no parameter which was not there.
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
from faultlayer_cli.plans.state import DISARMED, State, judge


class Store(Protocol):
    """A live plan's place in one account and region."""

    place: Place
    delay: str  # how long until a change takes effect

    def read(self) -> Found:
        """The plan there; raises Unknown where the place cannot be."""

    def check(self, text: str, *, advanced: bool) -> None:
        """Raises Failure where this text cannot be written there now."""

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        """Puts it in force. `urgent`: whatever is under way gives way, and nothing is made new."""

    def read_by(self, function: Function) -> bool:
        """Whether the function reads its plan here."""


def at(account: Account, place: Place, pause: Callable[[float], object] = time.sleep) -> Store:
    """The source at this place; `pause` is how it waits for AWS. Raises Mistake."""
    if checked(place).kind == SSM:
        return Parameter(account, place)
    return Profile(account, place, pause)


def readers(account: Account, source: Store) -> list[str]:
    """The functions of the region that read this source."""
    return [function.name for function in account.functions() if source.read_by(function)]


class DisarmOutcome(Enum):
    """What became of a source that was to be disarmed."""

    DISARMED = "disarmed"
    UNCHANGED = "unchanged"  # it was disarmed already
    ABSENT = "not there"
    FAILED = "failed"


@dataclass(frozen=True)
class DisarmResult:
    """What became of one source, and why where that is not plain."""

    place: Place
    outcome: DisarmOutcome
    reason: str = ""


def disarm(source: Store) -> DisarmResult:
    """Writes a plan that injects nothing, also where what is there cannot be read."""
    reason = ""
    try:
        found = source.read()
    except Refused as refused:
        reason = f"what was there could not be read: {refused}"
    else:
        if found.text is None:
            return DisarmResult(source.place, DisarmOutcome.ABSENT, found.note)
        if judge(found.text)[0] is State.DISABLED:
            return DisarmResult(source.place, DisarmOutcome.UNCHANGED, found.note)
    source.write(DISARMED, urgent=True)
    return DisarmResult(source.place, DisarmOutcome.DISARMED, reason)


def places(functions: Iterable[Function]) -> list[Place]:
    """The places that these functions read, each once."""
    return list(dict.fromkeys(place for each in functions if (place := named(each))))


def try_disarm(
    account: Account, place: Place, pause: Callable[[float], object] = time.sleep
) -> DisarmResult:
    """As `disarm`; what is in the way is the result."""
    try:
        return disarm(at(account, place, pause))
    except Failure as failure:
        return DisarmResult(place, DisarmOutcome.FAILED, str(failure))
