"""Carry out changes on many functions at once: look at all of them first, then change each.

A function is changed only from the revision that was looked at. The failure of one does not touch
the others. After an interrupt each is either changed or not, and it is known which.
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from faultlayer_cli import interrupts
from faultlayer_cli.aws.account import (
    WORKERS,
    Account,
    Busy,
    Changed,
    Function,
    Unanswered,
    Unknown,
)
from faultlayer_cli.errors import Failure
from faultlayer_cli.fleet.change import Change, Refusal
from faultlayer_cli.fleet.pace import Pace
from faultlayer_cli.plans.masking import masked_variables
from faultlayer_cli.progress import SILENT, Progress

_POLLS = (0.2, 0.5, 1.0, 2.0)  # seconds between two looks at an update, the last one repeated
_ATTEMPTS = 6

Planner = Callable[[Function], Change]


class Outcome(Enum):
    """The outcome for a function."""

    PLANNED = "would change"
    CHANGED = "changed"
    UNCHANGED = "unchanged"  # it was as wanted already
    REFUSED = "refused"  # changing it would not be safe, or not work
    UNKNOWN = "unknown"  # there is no such function
    FAILED = "failed"  # AWS said no, or someone else was quicker
    INTERRUPTED = "interrupted"  # not changed: the user stopped the command


TROUBLE = (Outcome.REFUSED, Outcome.UNKNOWN, Outcome.FAILED, Outcome.INTERRUPTED)


@dataclass(frozen=True)
class Result:
    """The outcome for one function, with the reason if it needs one."""

    name: str
    outcome: Outcome
    reason: str = ""
    change: Change | None = None

    @property
    def function_name(self) -> str:
        """The function's name, also if it was selected by its ARN."""
        return self.change.function.name if self.change else self.name

    def as_json(self) -> dict[str, Any]:
        """The result for scripts, with changed variables only, without secrets."""
        told: dict[str, Any] = {"function": self.name, "outcome": self.outcome.value}
        if self.reason:
            told["reason"] = self.reason
        change = self.change
        if change and not change.empty and self.outcome in (Outcome.CHANGED, Outcome.PLANNED):
            before, after = change.function.variables, change.variables
            told["layers"] = list(change.layers)
            told["set"] = masked_variables({k: v for k, v in after.items() if before.get(k) != v})
            told["removed"] = sorted(before.keys() - after.keys())
        return told


class Rollout:
    """One command's work on many functions; `wait` is how long (s) to wait for AWS's updates.

    `persistent`: if someone else changes a function in between, look again and go on.
    `stopped` is set by an interrupt; several runs may share it.
    """

    def __init__(
        self,
        account: Account,
        plan: Planner,
        *,
        wait: float,
        persistent: bool = False,
        stopped: threading.Event | None = None,
        progress: Progress = SILENT,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._account = account
        self._plan = plan
        self._wait = wait
        self._persistent = persistent
        self._stopped = stopped or threading.Event()
        self._progress = progress

    def preview(self, names: Sequence[str]) -> list[Result]:
        """Compute the change of each function and make none. Raises KeyboardInterrupt."""
        results = each(self._look, names, "looking", self._stopped, self._progress)
        if self._stopped.is_set():
            raise KeyboardInterrupt
        # A name and an ARN may mean the same function.
        once = {
            result.change.function.arn if result.change else result.name: result
            for result in reversed(results)
        }
        return [result for result in results if any(result is one for one in once.values())]

    def judge(self, function: Function) -> Result:
        """Compute the change of a function from its configuration."""
        try:
            change = self._plan(function)
        except Refusal as refusal:
            return Result(function.name, Outcome.REFUSED, str(refusal))
        outcome = Outcome.UNCHANGED if change.empty else Outcome.PLANNED
        return Result(function.name, outcome, change.note, change)

    def execute(self, results: Sequence[Result]) -> list[Result]:
        """Make the planned changes; all results in their order."""
        return each(self.execute_one, results, "changing", self._stopped, self._progress)

    def _look(self, name: str) -> Result:
        if self._stopped.is_set():
            return Result(name, Outcome.INTERRUPTED)
        try:
            function = self._settled(name)
        except Unknown as error:
            return Result(name, Outcome.UNKNOWN, str(error))
        except Failure as error:
            return Result(name, Outcome.FAILED, str(error))
        if not function.settled:
            state = function.state if function.state == "Pending" else "being updated"
            return Result(name, Outcome.FAILED, f"is still {state} after {self._wait:g} s")
        return self.judge(function)

    def _settled(self, name: str) -> Function:
        """The function once nothing is under way with it, or as it is when the time is over."""
        end = time.monotonic() + self._wait
        polls = iter(_POLLS)
        while True:
            function = self._account.function(name)
            if function.settled or time.monotonic() >= end:
                return function
            if self._stopped.wait(min(next(polls, _POLLS[-1]), max(end - time.monotonic(), 0))):
                return function

    def execute_one(self, result: Result) -> Result:
        """Make the planned change of one function."""
        if result.outcome is not Outcome.PLANNED:
            return result
        self._pace.take_turn(self._stopped.wait)
        for _ in range(_ATTEMPTS):
            if self._stopped.is_set():
                return replace(result, outcome=Outcome.INTERRUPTED, reason="not changed")
            try:
                again = self._attempt(result)
            except Unknown as error:
                return replace(result, outcome=Outcome.UNKNOWN, reason=str(error))
            except Failure as error:
                return replace(result, outcome=Outcome.FAILED, reason=str(error))
            if again.outcome is not Outcome.PLANNED:
                return again
            result = again
        why = result.reason or "is changed by others all the time"
        return replace(result, outcome=Outcome.FAILED, reason=why)

    def _attempt(self, result: Result) -> Result:
        """Try once: the final result, or a new plan if it has to be tried again."""
        change = result.change
        assert change is not None
        try:
            function = self._account.update(
                result.name,
                change.function.revision,
                layers=change.layers if change.new_layers else None,
                variables=change.variables if change.new_variables else None,
            )
        except Busy as error:
            return self._later(result, error)
        except (Changed, Unanswered) as error:
            return self._doubtful(result, change, error)
        return self._finished(result, function)

    def _doubtful(self, result: Result, change: Change, error: Failure) -> Result:
        """Find out whether an update took effect although its response was lost."""
        try:
            function = self._settled(result.name)
        except Failure as second:
            raise Failure(f"whether it was changed is not known: {error}; then: {second}") from None
        if change.made(function):
            # A first try of ours came through, though its answer did not.
            return self._finished(result, function)
        if isinstance(error, Unanswered) and function.revision == change.function.revision:
            return result
        if self._persistent:
            return replace(self.judge(function), name=result.name)
        raise error

    def _later(self, result: Result, busy: Busy) -> Result:
        """Plan again, unless the update under way was someone else's change.

        If it is none that AWS tells of, its own words stay the reason.
        """
        assert result.change is not None
        function = self._settled(result.name)
        if not function.settled:
            raise Failure(f"function {result.name} is still being updated after {self._wait:g} s")
        anew = self.judge(function)
        old, new = result.change, anew.change
        same = new and (new.layers, new.variables) == (old.layers, old.variables)
        if same or self._persistent:
            self._stopped.wait(_POLLS[0])  # AWS may say so before it says "in progress"
            reason = str(busy) if anew.outcome is Outcome.PLANNED else anew.reason
            return replace(anew, name=result.name, reason=reason)
        raise Changed(f"function {result.name} was changed by someone else after it was read")

    def _finished(self, result: Result, function: Function) -> Result:
        """The function was changed: wait until AWS has applied it, if there is time.

        Until then it runs as before. So a change that is not seen to be applied has failed, unless
        nobody wanted to wait.
        """
        if not function.settled and self._wait:
            try:
                function = self._settled(result.name)
            except Unknown as error:
                return replace(
                    result, outcome=Outcome.UNKNOWN, reason=f"was changed, then: {error}"
                )
            except Failure as error:
                why = f"was changed, and it is not known whether AWS applied it: {error}"
                return replace(result, outcome=Outcome.FAILED, reason=why)
            if not function.settled and (self._persistent or not self._stopped.is_set()):
                waited = "interrupted" if self._stopped.is_set() else f"after {self._wait:g} s"
                why = f"was changed, but AWS is still applying it ({waited})"
                return replace(result, outcome=Outcome.FAILED, reason=why)
        if function.update == "Failed":
            why = function.update_reason or "AWS gives no reason"
            return replace(result, outcome=Outcome.FAILED, reason=f"AWS failed to apply it: {why}")
        reason = "" if function.settled else "AWS is still applying it"
        return replace(result, outcome=Outcome.CHANGED, reason=reason)


def each(
    work: Callable[..., Result],
    items: Sequence[object],
    doing: str,
    stopped: threading.Event,
    progress: Progress = SILENT,
) -> list[Result]:
    """Do the work on every item, several at a time; after an interrupt no more is begun.

    Calls that are under way then end by themselves.
    """
    # Several regions are looked at in threads of their own: only the main thread counts.
    if threading.current_thread() is not threading.main_thread():
        progress = SILENT
    with (
        interrupts.handled(lambda number: stopped.set()),
        progress.counting(doing) as count,
        concurrent.futures.ThreadPoolExecutor(WORKERS) as workers,
    ):
        futures = [workers.submit(work, item) for item in items]
        for done, _ in enumerate(concurrent.futures.as_completed(futures), 1):
            count(done, len(items))
    return [future.result() for future in futures]


def others_changes(results: Sequence[Result]) -> list[str]:
    """Changes by other tools since attach: one line each."""
    changes = [one.change for one in results if one.change]
    return [f"{one.function.name}: {text}" for one in changes for text in one.found]


def unfinished(results: Sequence[Result]) -> bool:
    """True if a function is not as it was to be."""
    return any(one.outcome in TROUBLE for one in results)
