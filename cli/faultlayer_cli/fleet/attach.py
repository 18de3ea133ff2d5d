"""Attach the layer to functions, or detach it: all are looked at before the first is changed.

    prepare_attach(), prepare_detach() --> Prepared: the changes ahead, notes, a question
         .execute()                    --> results: the changes made
         still_armed()                 --> published versions, which nobody can change

A second run starts the time of the same faults anew. Faults end by themselves unless the caller
says otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from faultlayer import __version__
from faultlayer_cli.aws.account import WORKERS, Account, Function
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.fleet import change, published, timeouts
from faultlayer_cli.fleet.pace import Pace
from faultlayer_cli.fleet.replaced import named, replaced
from faultlayer_cli.fleet.rollout import Outcome, Planner, Result, Rollout, others_changes
from faultlayer_cli.layers import versions
from faultlayer_cli.plans import agents
from faultlayer_cli.plans.expiry import Ending
from faultlayer_cli.plans.variables import END, Variables
from faultlayer_cli.progress import SILENT, Progress

_WAIT = 120.0  # seconds for an update of AWS's to end


@dataclass(frozen=True)
class Prepared:
    """Changes that were looked at, and not made yet."""

    account: Account
    results: tuple[Result, ...]
    rollout: Rollout
    notes: tuple[str, ...] = ()  # for the user to read before the changes are made
    risk: str = ""  # a question that needs a yes even for one function; empty if there is none
    ended: tuple[str, ...] = ()  # armed faults that are replaced, which needs a yes, too

    @property
    def planned(self) -> list[str]:
        """The names of the functions that would change."""
        return [one.name for one in self.results if one.outcome is Outcome.PLANNED]

    def execute(self) -> list[Result]:
        """Make the changes; the results name the functions that could not be changed, too."""
        return self.rollout.execute(self.results)


def prepare_attach(
    account: Account,
    names: Sequence[str],
    end: Ending,
    *,
    layer_arn: str | None = None,
    wrapped: bool = False,
    wait: bool = True,
    pace: int | None = None,
    progress: Progress = SILENT,
) -> Prepared:
    """Look at the functions that are to get the layer, with the faults and the end of `end`.

    Without `layer_arn` each gets the newest published layer for its architecture. `wrapped`: the
    packages of OS-only runtimes start through the layer. Raises Mistake and Failure.
    """
    arns: dict[str, str] = {}
    lock = threading.Lock()

    def plan(function: Function) -> change.Change:
        with lock:
            arn = arns.get(function.architecture)
            if arn is None:
                arn = _layer(account, function, layer_arn, progress)
                arns[function.architecture] = arn
        return change.attach(function, arn, end.added, wrapped=wrapped)

    turns = Pace(pace)
    rollout, results = _looked(account, plan, names, wait, progress, turns)
    armed = replaced(one.change for one in results if one.change)
    notes = [*_notes(end, results), *armed.anew, *_cost(results, turns)]
    return Prepared(
        account, results, rollout, tuple(notes), _risk(account, end, results), armed.ended
    )


def prepare_detach(
    account: Account,
    names: Sequence[str],
    *,
    wait: bool = True,
    pace: int | None = None,
    progress: Progress = SILENT,
) -> Prepared:
    """Look at the functions that are to lose the layer. Raises Mistake and Failure."""
    turns = Pace(pace)
    rollout, results = _looked(account, change.detach, names, wait, progress, turns)
    notes = [*others_changes(results), *_cost(results, turns)]
    return Prepared(account, results, rollout, tuple(notes))


def still_armed(account: Account, results: Sequence[Result]) -> published.Findings:
    """The published versions of these functions that still inject faults, and how to end that."""
    names = [one.name for one in results]
    listed = published.of_names(account, names)
    harmless = published.harmless_after(results)
    return published.look(account, *listed, published.by_plan(account), harmless)


def _looked(
    account: Account,
    plan: Planner,
    names: Sequence[str],
    wait: bool,
    progress: Progress,
    pace: Pace,
) -> tuple[Rollout, tuple[Result, ...]]:
    rollout = Rollout(account, plan, wait=_WAIT if wait else 0, progress=progress, pace=pace)
    try:
        results = rollout.preview(names)
    except KeyboardInterrupt:
        raise Failure("interrupted; nothing was changed") from None
    unknown = [one.reason for one in results if one.outcome is Outcome.UNKNOWN]
    if unknown:
        raise Mistake("\n".join(unknown))
    return rollout, tuple(results)


def _layer(account: Account, function: Function, arn: str | None, progress: Progress) -> str:
    """The ARN of the layer version for this function's architecture."""
    if arn is not None:
        try:
            return versions.chosen(account, arn, function.architecture).arn
        except Mistake as error:
            raise Mistake(f"--layer-arn {error}") from None
    newest = versions.newest(account, function.architecture)
    version = versions.version_of(newest)
    if version and version != __version__:
        progress.note(
            f"{newest.arn} is of version {version}, this command of {__version__}: "
            "`faultlayer publish` publishes the layer of this one"
        )
    return newest.arn


def _notes(end: Ending, results: Sequence[Result]) -> list[str]:
    """The end of the faults, and functions that `stop` had stopped."""
    notes = []
    changes = [one.change for one in results if one.change]
    for one in changes:
        before = one.function.variables
        if not one.empty and before.get(change.DISABLED) and change.DISABLED not in one.variables:
            notes.append(f"{one.function.name}: was stopped ({change.DISABLED}), and is no longer")
    notes += timeouts.doubts(changes)
    notes += _unread(changes)
    if changes:
        ends = {one.variables[END] for one in changes if END in one.variables}
        notes.append(end.told(ends))
        if end.armed:
            ends |= {end.own} if end.own and not ends else set()
            until = f"until {', '.join(sorted(ends))}" if ends else "for ever"
            notes.append(
                f"a version that is published while they are attached keeps them {until}: "
                "`stop` and `detach` cannot change it"
            )
    return notes


def _cost(results: Sequence[Result], pace: Pace) -> list[str]:
    """Warn of the cold starts, with the duration of all changes."""
    count = sum(one.outcome is Outcome.PLANNED for one in results)
    if not count:
        return []
    lines = [
        "each change replaces the function's execution environments: the next invocations are cold "
        "starts"
    ]
    return lines + ([told] if (told := pace.told(count)) else [])


def _unread(changes: Sequence[change.Change]) -> list[str]:
    """A warning for functions that cannot read their live plan, since AWS's agent is missing."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in changes:
        variables = Variables(one.variables)
        if lacking := agents.missing(one.function.package, one.layers, variables):
            found.setdefault((lacking, variables.source or ""), []).append(one.function.name)
    return [
        f"{named(names)}: no layer {layer}, through which {source} is read: nothing is injected "
        "before that layer is added (one of another name may have AWS's agent, too)"
        for (layer, source), names in found.items()
    ]


def _risk(account: Account, end: Ending, results: Sequence[Result]) -> str:
    """The question before faults without an end go to functions whose versions are published.

    A version that is published meanwhile keeps them for ever. Empty: nothing to ask.
    """
    if not end.endless:
        return ""
    names = [one.function_name for one in results if one.outcome is Outcome.PLANNED]
    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(partial(published.in_use, account), names))
    risky = [f"{name} ({what})" for name, what in zip(names, found, strict=True) if what]
    if not risky:
        return ""
    return (
        "these faults have no end, and versions are published of "
        f"{published.listed(risky)}: one that is published now injects them for ever"
    )
