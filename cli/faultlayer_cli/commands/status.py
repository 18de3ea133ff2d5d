"""`faultlayer status`: which functions have the layer, with which faults, and whether it works.

It promises to change nothing, and to judge the variables by the code that reads them in Lambda.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from rich.text import Text

from faultlayer.settings.variables import read_environment
from faultlayer.values.kinds import Source
from faultlayer.vocabulary.registry import GLOBALS, PREFIX
from faultlayer_cli.aws.account import WORKERS, Account, Function, Unknown, open_account
from faultlayer_cli.aws.arn import architecture_of, is_ours
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output, results
from faultlayer_cli.commands.options import account_options, region_options, selection_options
from faultlayer_cli.errors import Mistake
from faultlayer_cli.fleet import change, everywhere, published
from faultlayer_cli.plans import expiry
from faultlayer_cli.terminal import say

_SETTINGS = frozenset(PREFIX + option.name for option in GLOBALS)
_UNKNOWN = "unknown"
_STYLES = {"armed": "red", "wrong": "yellow", "disabled": "green"}


@click.command()
@selection_options
@region_options
@account_options
def status(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    all_regions: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Show which functions have the layer, with which faults: all, or those named.

    Published versions that inject faults are shown as well, with the aliases that send to them.
    `stop` cannot change these.

    Exit codes: 0, all of it is known, and `stop` reaches every fault; 2, a mistake in what was
    typed; 1, a published version injects faults by itself, or something could not be looked at.
    """
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region, all_regions=all_regions)
    if all_regions:
        account.identity()  # wrong credentials are one mistake, not one in each region
    asked = everywhere.ask(
        account, partial(_looked, selection, all_regions), all_regions=all_regions
    )
    missing = [there.missing for there in asked.found]
    lines = everywhere.nowhere(missing) if all_regions else missing[0]
    if lines and not asked.silent:
        raise Mistake("\n".join(lines))
    if json_:
        regions = [there.as_json() for there in asked.found]
        told: dict[str, Any] = dict(account.identity().as_json())
        if all_regions:
            told |= {"regions": regions, "not_asked": asked.as_json()}
        else:
            told |= regions[0]
        output.print_json(told)
    elif not any(there.functions or there.findings.versions for there in asked.found):
        place = "any region" if all_regions else account.region
        say(
            f"no function in {place} has the layer, nor has any published version "
            f"({account.identity()})"
        )
    else:
        for there in asked.found:
            _print(there, all_regions)
    for there in asked.found:
        for line in there.hidden:
            say(line)
        results.left_published(there.findings, live=False)
    for line in (*asked.lines(), *lines):
        say(line)
    return 1 if asked.silent or not all(there.clear for there in asked.found) else 0


@dataclass
class Region:
    """What there is in one region."""

    account: Account
    functions: list[dict[str, Any]]
    findings: published.Findings
    hidden: list[str]  # functions that may have the layer
    missing: list[str]  # what was named and the region does not have

    @property
    def clear(self) -> bool:
        """Whether all is known, and `stop` can end every fault."""
        stuck = [one for one in self.findings.left if one.state is not published.State.LIVE]
        known = all(entry["state"] != _UNKNOWN for entry in self.functions)
        return known and not (stuck or self.findings.unknown or self.hidden)

    def as_json(self) -> dict[str, Any]:
        return {
            "region": self.account.region,
            "functions": self.functions,
            "versions": [version.as_json() for version in self.findings.versions],
            "unknown": self.hidden + self.findings.unknown,
        }


def _looked(selection: Selection, all_regions: bool, account: Account) -> Region:
    """What there is in this region."""
    if not selection:
        groups = published.grouped(account.all_versions())
        latest = [group.latest for group in groups if group.latest]
        found = [one.function for one in latest if change.concerned(one.function)]
        others = [one for one in latest if not change.concerned(one.function)]
        hidden = published.hidden(others)
        findings = published.look(account, groups, [])
        return Region(account, [*map(describe, found)], findings, [hidden] * bool(hidden), [])
    missing: list[str] = []
    if all_regions:
        names, missing = everywhere.select(account, selection)
    else:
        names = selection.find(account)
    found, unknown = read(account, names)
    missing += unknown if all_regions else [unknown[name] for name in sorted(unknown)]
    listed = published.of_names(account, [function.name for function in found])
    findings = published.look(account, *listed)
    return Region(account, [*map(describe, found)], findings, [], missing)


def _print(there: Region, all_regions: bool) -> None:
    """Prints the table of one region: functions, and the published versions that matter."""
    shown = [one for one in there.findings.versions if one.state is not published.State.IDLE]
    rows = [_row(entry) for entry in there.functions] + [_version_row(one) for one in shown]
    if rows or not all_regions:
        say(f"in {there.account.place}")
    if rows:
        output.table(("function", "state", "layer", "faults", ""), rows)
    if idle := len(there.findings.versions) - len(shown):
        say(f"published versions that have the layer and inject nothing: {idle}")


def read(account: Account, names: Sequence[str]) -> tuple[list[Function], dict[str, str]]:
    """The functions of these names; and a line for each name that does not exist."""
    unknown: dict[str, str] = {}

    def look(name: str) -> Function | None:
        try:
            return account.function(name)
        except Unknown as error:
            unknown[name] = str(error)
            return None

    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(look, names))
    return [function for function in found if function], unknown


def describe(function: Function) -> dict[str, Any]:
    """What there is to say of one function, for scripts."""
    own = {k: v for k, v in sorted(function.variables.items()) if k.startswith(PREFIX)}
    ours = [arn for arn in function.layers if is_ours(arn)]
    state, notes = judge(function, own, ours)
    return {
        "function": function.name,
        "state": state,
        "notes": notes,
        "layer": ours[0] if ours else None,
        "source": _source(own),
        "runtime": function.runtime or function.package,
        "architecture": function.architecture,
        "variables": own,
    }


def _source(own: Mapping[str, str]) -> str | None:
    """Where the function reads its plan; None where it has none, or has it in the variable."""
    text = own.get(expiry.PLAN, "").strip()
    return text if text.startswith(Source.schemes) else None


def judge(function: Function, own: Mapping[str, str], ours: Sequence[str]) -> tuple[str, list[str]]:
    """The state in one word, and what the user should know besides."""
    if function.unreadable:
        return _UNKNOWN, [f"its variables cannot be read ({function.unreadable})"]
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
    read = read_environment(function.variables, files=False)
    problems = [f"{problem.variable} {problem.message}" for problem in read.problems]
    if notes or problems:
        return "wrong", notes + problems
    if read.values.get("DISABLED"):
        return "disabled", notes
    if _source(own):
        return "live", notes
    if read.aim is None:
        planned = read.plan.drafts if read.plan else []
        over = any(draft for _, draft in read.drafts + planned)
        return ("over" if over else "idle"), notes
    return ("dry run" if read.aim.dry_run else "armed"), notes


def _row(entry: Mapping[str, Any]) -> tuple[str | Text, ...]:
    variables: Mapping[str, str] = entry["variables"]
    # A plan that is fetched is among the faults: it says them.
    settings = _SETTINGS - {expiry.PLAN} if entry["source"] else _SETTINGS
    faults = [_short(name, text) for name, text in variables.items() if name not in settings]
    others = [_short(name, text) for name, text in variables.items() if name in settings]
    state = entry["state"]
    layer = entry["layer"].rpartition(":layer:")[2] if entry["layer"] else ""
    return (
        entry["function"],
        Text(state, _STYLES.get(state, "")),
        layer,
        " ".join(faults),
        "; ".join([" ".join(others)] * bool(others) + entry["notes"]),
    )


def _version_row(one: published.Version) -> tuple[str | Text, ...]:
    number = one.function.version
    ours = [arn for arn in one.function.layers if is_ours(arn)]
    notes = [
        f"alias {alias.name} ({alias.share(number) * 100:.4g}%)" for alias in one.aliases or ()
    ]
    notes += ["aliases not known"] * (one.aliases is None)
    return (
        one.function.label,
        Text(one.state.value, _STYLES.get(one.state.value, "")),
        ours[0].rpartition(":layer:")[2] if ours else "",
        one.why,
        "; ".join([f"end={one.until}"] * bool(one.until) + notes),
    )


def _short(name: str, text: str) -> str:
    return f"{name.removeprefix(PREFIX).lower()}={text}"
