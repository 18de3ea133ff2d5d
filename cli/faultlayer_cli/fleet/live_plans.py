"""Live plans, each read once with the caller's own credentials.

place --AWS--> text --judged as in Lambda--> LiveState: its state, and its faults in words
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from faultlayer_cli.aws.account import Account, Unknown
from faultlayer_cli.errors import Failure
from faultlayer_cli.plans import in_words, stores
from faultlayer_cli.plans.place import Place
from faultlayer_cli.plans.state import PlanState, judge
from faultlayer_cli.plans.variables import PLAN, Variables


@dataclass(frozen=True)
class LiveState:
    """The effect of a live plan on its readers.

    `unknown`: the reason if the plan could not be read.
    """

    place: Place
    state: PlanState | None = None  # None: it could not be read, or nothing is there
    unknown: str = ""
    faults: str = ""  # in words, with their end

    @property
    def dangerous(self) -> bool:
        """True if it injects faults, or may do so."""
        return bool(self.unknown) or (self.state is not None and self.state.dangerous)

    @property
    def told(self) -> str:
        """A clause for the user: `its plan is armed: 5% of the invocations by status 503, …`."""
        if self.unknown:
            return f"its plan could not be read: {self.unknown}"
        if self.state is None:
            return f"its plan is not there: nothing is at {self.place}"
        return f"its plan is {self.state.value}" + (f": {self.faults}" if self.faults else "")

    def as_json(self) -> dict[str, Any]:
        """The state, and the reason if it is not known."""
        state = self.state.value if self.state else None if self.unknown else "not there"
        return {"state": state, "reason": self.unknown or None, "faults": self.faults or None}


class LivePlans:
    """The live plans of one region; safe to use from several threads."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._locks: dict[Place, threading.Lock] = {}
        self._found: dict[Place, LiveState] = {}

    def at(self, place: Place) -> LiveState:
        """The effect of the plan at this place, read once."""
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:
            if place not in self._found:
                self._found[place] = self._read(place)
        return self._found[place]

    def _read(self, place: Place) -> LiveState:
        try:
            text = stores.at(self._account, place).read().text
        except Unknown:
            return LiveState(place)
        except Failure as failure:
            return LiveState(place, unknown=" ".join(str(failure).split()))
        if text is None:
            return LiveState(place)
        state = judge(text)[0]
        plan = Variables({PLAN: text})
        shown = in_words.each(plan) if state.shown else []
        faults = f"{', and '.join(shown)}, {in_words.window(plan)}" if shown else ""
        return LiveState(place, state, faults=faults)
