"""Say which functions have the layer, with which faults, and whether it works.

    every version of a region, or the functions named
        --describe: judged by the code that reads variables in Lambda-->  RegionStatus
    all regions that were asked  -->  Status

A live plan is read with the caller's own credentials. Nothing is changed. What cannot be read is
unknown, and named.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from faultlayer_cli.aws.account import WORKERS, Account, Function, Unknown
from faultlayer_cli.aws.arn import architecture_of, is_ours
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.fleet import change, everywhere, published, web_adapter
from faultlayer_cli.fleet.live_plans import LivePlans, LiveState
from faultlayer_cli.plans import agents
from faultlayer_cli.plans.masking import masked_variables
from faultlayer_cli.plans.place import named
from faultlayer_cli.plans.variables import Variables

UNKNOWN = "unknown"
LIVE = "live"  # it follows a plan, which it reads while it runs
NOT_READ = "not read"  # it has a live plan, and no agent to read it through


@dataclass(frozen=True)
class FunctionStatus:
    """One function: its state in a word, and notes for the user."""

    function: str
    state: str
    notes: tuple[str, ...]
    layer: str | None
    source: str | None  # the place of its plan; None if it has none, or in a variable
    runtime: str
    architecture: str
    variables: Mapping[str, str]  # faultlayer's own, without secrets
    plan: LiveState | None = None  # of its live plan, if it reads one

    @property
    def known(self) -> bool:
        """True if its effect is known."""
        return self.state != UNKNOWN and not (self.plan and self.plan.unknown)

    def as_json(self) -> dict[str, Any]:
        """The same for scripts."""
        told = {**vars(self), "notes": list(self.notes), "variables": dict(self.variables)}
        return told | {"plan": self.plan.as_json() if self.plan else None}


@dataclass
class RegionStatus:
    """The functions with the layer in one region."""

    account: Account
    functions: list[FunctionStatus]
    findings: published.Findings
    hidden: list[str]  # functions that may have the layer
    missing: list[str]  # names that the region does not have

    @property
    def clear(self) -> bool:
        """True if all is known, and `stop` can end every fault."""
        stuck = [one for one in self.findings.left if one.state is not published.VersionState.LIVE]
        known = all(one.known for one in self.functions)
        return known and not (stuck or self.findings.unknown or self.hidden)

    def as_json(self) -> dict[str, Any]:
        return {
            "region": self.account.region,
            "functions": [one.as_json() for one in self.functions],
            "versions": [version.as_json() for version in self.findings.versions],
            "unknown": self.hidden + self.findings.unknown,
        }


@dataclass(frozen=True)
class Status:
    """The findings of all regions that were asked."""

    asked: everywhere.Asked[RegionStatus]
    missing: tuple[str, ...]  # one line for each name that was not found

    @property
    def regions(self) -> list[RegionStatus]:
        return self.asked.found

    @property
    def clear(self) -> bool:
        """True if all is known, and `stop` can end every fault."""
        return not self.asked.silent and all(there.clear for there in self.regions)


def status(account: Account, selection: Selection, *, all_regions: bool = False) -> Status:
    """Look at the functions that are meant, or at all of them; in one region, or in all.

    Raises Mistake for names that were not found although every region answered.
    """
    if all_regions:
        account.identity()  # wrong credentials are one mistake, not one in each region
    look = partial(_look, selection, all_regions)
    asked = everywhere.ask(account, look, all_regions=all_regions)
    missing = [there.missing for there in asked.found]
    lines = everywhere.nowhere(missing) if all_regions else missing[0]
    if lines and not asked.silent:
        raise Mistake("\n".join(lines))
    return Status(asked, tuple(lines))


def _look(selection: Selection, all_regions: bool, account: Account) -> RegionStatus:
    """Look at one region."""
    plans = LivePlans(account)
    if not selection:
        groups = published.grouped(account.all_versions())
        latest = [group.latest for group in groups if group.latest]
        found = [one.function for one in latest if change.concerned(one.function)]
        others = [one for one in latest if not change.concerned(one.function)]
        hidden = published.hidden(others)
        findings = published.look(account, groups, [])
        described = _described(found, plans)
        return RegionStatus(account, described, findings, [hidden] * bool(hidden), [])
    missing: list[str] = []
    if all_regions:
        names, missing = everywhere.select(account, selection)
    else:
        names = selection.find(account)
    found, unknown, unread = read(account, names)
    missing += unknown if all_regions else [unknown[name] for name in sorted(unknown)]
    listed = published.of_names(account, [function.name for function in found])
    findings = published.look(account, *listed)
    return RegionStatus(account, _described(found, plans), findings, unread, missing)


def _described(functions: Sequence[Function], plans: LivePlans) -> list[FunctionStatus]:
    """The state of each function, with the present text of its live plan."""

    def look(function: Function) -> FunctionStatus:
        found = describe(function)
        place = named(function)
        if found.state != LIVE or place is None:
            return found
        plan = plans.at(place)
        return replace(found, plan=plan, notes=(*found.notes, plan.told))

    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(look, functions))


def read(
    account: Account, names: Sequence[str]
) -> tuple[list[Function], dict[str, str], list[str]]:
    """The functions of these names; a line for each that does not exist, or could not be read.

    Raises Failure if none could be read.
    """
    unknown: dict[str, str] = {}
    failures: dict[str, Failure] = {}

    def look(name: str) -> Function | None:
        try:
            return account.function(name)
        except Unknown as error:
            unknown[name] = str(error)
        except Failure as failure:
            failures[name] = failure
        return None

    with ThreadPoolExecutor(WORKERS) as workers:
        found = [function for function in workers.map(look, names) if function]
    if failures and not found:
        raise next(iter(failures.values()))
    return found, unknown, [f"{name}: {failures[name]}" for name in names if name in failures]


def describe(function: Function) -> FunctionStatus:
    """The state of one function."""
    variables = Variables(function.variables)
    ours = [arn for arn in function.layers if is_ours(arn)]
    state, notes = _judge(function, variables, ours)
    return FunctionStatus(
        function=function.name,
        state=state,
        notes=tuple(notes),
        layer=ours[0] if ours else None,
        source=variables.source,
        runtime=function.runtime or function.package,
        architecture=function.architecture,
        variables=masked_variables(variables.own),
    )


def _judge(function: Function, variables: Variables, ours: Sequence[str]) -> tuple[str, list[str]]:
    """The state in one word, and notes for the user."""
    if function.unreadable:
        return UNKNOWN, [f"its variables cannot be read ({function.unreadable})"]
    if not change.concerned(function):
        return "not attached", []
    notes = []
    wrapper = function.variables.get(change.EXEC_WRAPPER)
    image = function.package == "Image"
    if not ours and not image:
        notes.append("has no layer of faultlayer's")
    if wrapper != change.WRAPPER and not image:
        notes.append(f"{change.EXEC_WRAPPER} is not {change.WRAPPER}")
    if ours and architecture_of(ours[0]) != function.architecture:
        notes.append(f"the layer is not for {function.architecture}")
    adapter, told = _judge_adapter(function, bool(ours) or image)
    notes += adapter
    problems = [f"{problem.variable} {problem.message}" for problem in variables.problems]
    if notes or problems:
        return "wrong", notes + problems
    if variables.disabled:
        return "disabled", told
    if variables.source:
        state, more = _of_source(function, variables)
        return state, told + more
    if not variables.injects:
        return ("over" if variables.rules else "idle"), told
    if variables.only_observes:
        return "observing", told
    return ("dry run" if variables.dry_run else "armed"), told


def _of_source(function: Function, variables: Variables) -> tuple[str, list[str]]:
    """The state of a function that reads its plan while it runs."""
    if variables.idle(time.time()):
        return "over", []
    if lacking := agents.missing(function.package, function.layers, variables):
        return NOT_READ, [f"has no layer {lacking}, through which {variables.source} is read"]
    if not named(function):
        return LIVE, ["its plan is in its package, and cannot be read from here"]
    return LIVE, []


def _judge_adapter(function: Function, listening: bool) -> tuple[list[str], list[str]]:
    """Faults and notes about the Lambda Web Adapter's way to faultlayer."""
    variable, address = web_adapter.VARIABLE, web_adapter.address(function.variables)
    if web_adapter.sent_to_us(function.variables):
        if listening:
            return [], [f"the Lambda Web Adapter asks through faultlayer ({variable}={address})"]
        return [
            f"{variable} names {address}, where nobody listens without the layer, so the Lambda "
            f"Web Adapter cannot work: `faultlayer detach {function.name}` mends that"
        ], []
    # Its wrapper alone, /opt/bootstrap, may be another product's: nothing is claimed of that.
    if not web_adapter.seen(function):
        return [], []
    return [
        f"the Lambda Web Adapter asks Lambda itself, so no fault reaches the function: {variable} "
        f"is not {address}"
    ], []
