"""Arm a live plan: put it in force for all functions that read it, or preview that.

    prepare() --> Arming: the text with its end, the text there now, its readers
                    .write() puts it in force; until then nothing was changed

A plan that is armed already is replaced only by a caller who looked at `replaces_armed`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from faultlayer.jsontext import dumps, loads, unmarked
from faultlayer.settings import plan as reader
from faultlayer_cli.aws.account import Account, Function, Refused
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.plans.agents import LAYERS, missing
from faultlayer_cli.plans.expiry import Ending, end_of, with_end
from faultlayer_cli.plans.state import PlanState, is_plan, judge
from faultlayer_cli.plans.stores import Store, readers
from faultlayer_cli.plans.variables import Variables


@dataclass(frozen=True)
class Arming:
    """A plan that is ready to be written to its store."""

    region: str
    store: Store
    text: str
    before: str | None  # None: nothing is there yet
    readers: list[str] | None  # functions; None: AWS does not say
    readers_unknown: str  # the reason, if AWS does not say
    advanced: bool
    blind: tuple[str, ...] = ()  # readers that lack AWS's layer, through which it is read

    @property
    def plan(self) -> Any:
        """The plan as JSON's value."""
        return loads(self.text)

    @property
    def plan_before(self) -> Any:
        """The present plan as JSON; None if there is none, or no JSON."""
        return json_value(self.before)

    @property
    def changes(self) -> bool:
        """True if the store does not hold this plan yet."""
        return bool(self.plan_before != self.plan)

    @property
    def replaces_armed(self) -> bool:
        """True if the present plan may be injecting faults now, or will."""
        return self.before is not None and judge(self.before)[0].dangerous

    @property
    def renews(self) -> bool:
        """True if the present plan is the same but for its end."""
        before = self.plan_before
        return isinstance(before, dict) and with_end(before, "") == with_end(self.plan, "")

    @property
    def is_wrong(self) -> bool:
        """True if the text that is there is no plan, or one with a mistake that stops it."""
        return self.before is not None and judge(self.before)[0] is PlanState.WRONG

    @property
    def before_is_plan(self) -> bool:
        """False if the text that is there is something else than a plan, such as a password."""
        return self.before is None or is_plan(self.before)

    @property
    def agent(self) -> str:
        """The name of AWS's layer, through which functions read this store."""
        return LAYERS[self.store.place.kind]

    @property
    def state(self) -> PlanState:
        """The effect of the new plan, once it is in force."""
        return judge(self.text)[0]

    @property
    def end(self) -> str:
        """When the new plan ends by itself; empty if it does not."""
        return end_of(self.plan)

    @property
    def end_before(self) -> str:
        """The time at which the present plan ends; empty if never."""
        return end_of(self.plan_before)

    def write(self) -> None:
        """Put the plan in force. Raises Failure."""
        try:
            self.store.write(self.text, advanced=self.advanced)
        except KeyboardInterrupt:
            place = self.store.place
            look = f"`faultlayer show {place.flag}` tells"
            raise Failure(f"interrupted; {place} may be armed: {look}") from None


def prepare(
    account: Account, store: Store, text: str, end: Ending, *, name: str, advanced: bool = False
) -> Arming:
    """Get a plan ready for its store, and look at both; nothing is changed.

    `name` is the user's name of the plan, for messages. Raises Mistake and Failure.
    """
    before = store.read().text
    made = dumps(end.planned(loads(text)))
    problems = reader.read(made).problems  # the end may not go with the plan's own start
    if problems:
        raise Mistake("\n".join(f"{name}: {each.field} {each.message}" for each in problems))
    store.check(made, advanced=advanced)
    try:
        found = readers(account, store)
    except Refused as refused:
        return Arming(account.region, store, made, before, None, str(refused), advanced)
    blind = tuple(one.label for one in found if _is_blind(one))
    labels = [one.label for one in found]
    return Arming(account.region, store, made, before, labels, "", advanced, blind)


def _is_blind(function: Function) -> bool:
    return bool(missing(function.package, function.layers, Variables(function.variables)))


def json_value(text: str | None) -> Any:
    """The text's JSON value; None if it is not JSON."""
    try:
        return None if text is None else json.loads(unmarked(text))
    except (ValueError, RecursionError):
        return None
