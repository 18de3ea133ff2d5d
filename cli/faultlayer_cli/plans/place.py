"""Places of live plans: a parameter, or a profile of AppConfig, as FAULTLAYER_PLAN names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from faultlayer.jsontext import unmarked
from faultlayer_cli.aws.account import Function
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.variables import PLAN

SSM, APPCONFIG = "ssm", "appconfig"
_PARAMETER = re.compile(r"/?[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+){1,15}")


@dataclass(frozen=True)
class Place:
    """The place of a live plan, as FAULTLAYER_PLAN names it."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def flag(self) -> str:
        return f"--{self.kind} {self.name}"


def chosen_place(ssm: str | None, appconfig: str | None) -> Place:
    """The place that --ssm or --appconfig names. Raises Mistake."""
    if (ssm is None) == (appconfig is None):
        raise Mistake("one source is meant; allowed: --ssm NAME or --appconfig APP/ENV/PROFILE")
    if ssm is not None:
        return checked(Place(SSM, ssm.removeprefix(SSM + ":")))
    return checked(Place(APPCONFIG, (appconfig or "").removeprefix(APPCONFIG + ":")))


def named(function: Function) -> Place | None:
    """The place that a function reads; None if it reads none that this command can write."""
    return place_of(function.variables.get(PLAN, ""))


def place_of(text: str) -> Place | None:
    """The place that a variable's text names; None if it names none of these."""
    kind, _, name = unmarked(text).strip().partition(":")
    return Place(kind, name) if kind in (SSM, APPCONFIG) else None


def checked(place: Place) -> Place:
    name = place.name
    if place.kind == SSM and not (_PARAMETER.fullmatch(name) and len(name) <= 1011):
        raise Mistake(f"{place.flag} is not a parameter's name; allowed: such as /chaos/orders")
    parts = name.split("/")
    if place.kind == APPCONFIG and (len(parts) != 3 or not all(map(str.strip, parts))):
        raise Mistake(f"{place.flag} is no profile; allowed: application/environment/profile")
    return place


@dataclass(frozen=True)
class Found:
    """The text at a place (None: nothing yet), and a note for the user."""

    text: str | None
    note: str = ""
