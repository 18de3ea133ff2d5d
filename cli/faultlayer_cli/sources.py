"""Where live plans are kept: parameters and AppConfig profiles, read and written the same way.

It promises that a plan which disarms is never kept from being written by one that cannot be read,
and that disarming makes no parameter which was not there.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from faultlayer import config
from faultlayer import plan as reader
from faultlayer_cli.aws import Account, Function, Refused, Unknown
from faultlayer_cli.ending import PLAN
from faultlayer_cli.errors import Failure, Mistake

DISARMED = '{"faults":[],"disabled":true}'
STANDARD, ADVANCED = 4096, 8192  # characters that a parameter of each tier may have
_SSM, _APPCONFIG = "ssm", "appconfig"
_PARAMETER = re.compile(r"/?[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+){1,15}")
_DOWNGRADE = "advanced-parameter tier"  # of AWS's message where the parameter is of that tier


@dataclass(frozen=True)
class Place:
    """Where a live plan is, as FAULTLAYER_PLAN says it."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def flag(self) -> str:
        return f"--{self.kind} {self.name}"


def place(ssm: str | None, appconfig: str | None) -> Place:
    """The place that these options name; raises Mistake."""
    if (ssm is None) == (appconfig is None):
        raise Mistake("one source is meant; allowed: --ssm NAME or --appconfig APP/ENV/PROFILE")
    if ssm is not None:
        return _checked(Place(_SSM, ssm.removeprefix(_SSM + ":")))
    return _checked(Place(_APPCONFIG, (appconfig or "").removeprefix(_APPCONFIG + ":")))


def named(function: Function) -> Place | None:
    """The place that a function reads; None where it reads none that can be written from here."""
    kind, _, name = function.variables.get(PLAN, "").strip().partition(":")
    return Place(kind, name) if kind in (_SSM, _APPCONFIG) else None


def _checked(place: Place) -> Place:
    name = place.name
    if place.kind == _SSM and not (_PARAMETER.fullmatch(name) and len(name) <= 1011):
        raise Mistake(f"{place.flag} is not a parameter's name; allowed: such as /chaos/orders")
    parts = name.split("/")
    if place.kind == _APPCONFIG and (len(parts) != 3 or not all(map(str.strip, parts))):
        raise Mistake(f"{place.flag} is no profile; allowed: application/environment/profile")
    return place


@dataclass(frozen=True)
class Found:
    """What is at a place: its text (None: nothing yet), and what the user should know of it."""

    text: str | None
    note: str = ""


class Source(Protocol):
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


def at(account: Account, place: Place, pause: Callable[[float], object] = time.sleep) -> Source:
    """The source at this place; `pause` is how it waits for AWS. Raises Mistake."""
    if _checked(place).kind == _SSM:
        return Parameter(account, place)
    from faultlayer_cli.appconfig import Profile  # which imports this module

    return Profile(account, place, pause)


class Parameter:
    """A plan in a parameter of the Parameter Store."""

    delay = "FAULTLAYER_POLL (10s) and SSM_PARAMETER_STORE_TTL (300 s), unless they are set"

    def __init__(self, account: Account, place: Place) -> None:
        self._account = account
        self.place = place
        self._there = True

    def read(self) -> Found:
        try:
            told = self._call("get_parameter", WithDecryption=True)
        except Unknown:
            self._there = False
            return Found(None)
        return Found(str(told["Parameter"]["Value"]))

    def check(self, text: str, *, advanced: bool) -> None:
        most = ADVANCED if advanced else STANDARD
        if len(text) > most:
            allowed = "--advanced, up to " if len(text) <= ADVANCED and not advanced else "up to "
            raise Mistake(
                f"the plan takes {len(text)} characters, more than the {most} of a parameter"
                f"{' of the advanced tier' * advanced}; allowed: {allowed}{ADVANCED}"
                + " (AWS charges for that tier)"
                * (not advanced)
            )

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        wanted: dict[str, Any] = {"Value": text, "Overwrite": True}
        if not (self._there or urgent):
            wanted["Type"] = "String"  # what is there keeps the type it has
        if advanced:
            wanted["Tier"] = "Advanced"
        try:
            self._call("put_parameter", **wanted)
        except Refused as refused:
            if "downgrade" not in str(refused) or _DOWNGRADE not in str(refused):
                raise
            self._call("put_parameter", Tier="Advanced", **wanted)

    def read_by(self, function: Function) -> bool:
        return named(function) == self.place

    def _call(self, operation: str, **arguments: Any) -> Any:
        return self._account.call(_SSM, operation, Name=self.place.name, **arguments)


class State(Enum):
    """What the plan at a place does, in a word."""

    ARMED = "armed"
    WAITING = "not yet"
    DRY_RUN = "dry run"
    OVER = "over"
    DISABLED = "disabled"
    EMPTY = "empty"
    WRONG = "wrong"  # the functions keep the plan that they had

    @property
    def dangerous(self) -> bool:
        """Whether functions may be injecting faults by it, or will be."""
        return self in (State.ARMED, State.WAITING, State.WRONG)


def judge(text: str) -> tuple[State, reader.Plan]:
    """What the extension makes of this text now."""
    plan = reader.read(text)
    aim = config.Config().aimed(plan)
    now = time.time()
    if plan.stopped:
        return State.WRONG, plan
    if plan.values.get("DISABLED"):
        return State.DISABLED, plan
    if aim is None:
        return State.WRONG if plan.problems else State.EMPTY, plan
    if aim.over(now):
        return State.OVER, plan
    if aim.dry_run:
        return State.DRY_RUN, plan
    return (State.WAITING if plan.values.get("START", now) > now else State.ARMED), plan


def readers(account: Account, source: Source) -> list[str]:
    """The functions of the region that read this source."""
    return [function.name for function in account.functions() if source.read_by(function)]


class Outcome(Enum):
    """What became of a source that was to be disarmed."""

    DISARMED = "disarmed"
    UNCHANGED = "unchanged"  # it was disarmed already
    ABSENT = "not there"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """What became of one source, and why where that is not plain."""

    place: Place
    outcome: Outcome
    reason: str = ""


def disarm(source: Source) -> Result:
    """Writes a plan that injects nothing, also where what is there cannot be read."""
    reason = ""
    try:
        found = source.read()
    except Refused as refused:
        reason = f"what was there could not be read: {refused}"
    else:
        if found.text is None:
            return Result(source.place, Outcome.ABSENT, found.note)
        if judge(found.text)[0] is State.DISABLED:
            return Result(source.place, Outcome.UNCHANGED, found.note)
    source.write(DISARMED, urgent=True)
    return Result(source.place, Outcome.DISARMED, reason)


def places(functions: Iterable[Function]) -> list[Place]:
    """The places that these functions read, each once."""
    return list(dict.fromkeys(place for each in functions if (place := named(each))))


def disarmed(
    account: Account, place: Place, pause: Callable[[float], object] = time.sleep
) -> Result:
    """As `disarm`; what is in the way is the result."""
    try:
        return disarm(at(account, place, pause))
    except Failure as failure:
        return Result(place, Outcome.FAILED, str(failure))
