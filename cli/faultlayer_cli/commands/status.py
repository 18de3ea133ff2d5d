"""`faultlayer status`: show which functions have the layer, with which faults, and if it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from faultlayer.vocabulary.registry import GLOBALS, PREFIX
from faultlayer_cli.aws.account import open_account
from faultlayer_cli.aws.arn import is_ours
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output, results
from faultlayer_cli.commands.options import (
    account_options,
    examples,
    region_options,
    selection_options,
)
from faultlayer_cli.commands.output import Cell
from faultlayer_cli.fleet import published
from faultlayer_cli.fleet.status import FunctionStatus, RegionStatus
from faultlayer_cli.fleet.status import status as read_status
from faultlayer_cli.plans.variables import PLAN
from faultlayer_cli.terminal import say

_SETTINGS = frozenset(PREFIX + option.name for option in GLOBALS)
_STYLES = {
    "armed": "red",
    "disabled": "green",
    "not read": "yellow",
    "observing": "cyan",
    "wrong": "yellow",
}


@click.command(epilog=examples("faultlayer status", "faultlayer status --all-regions"))
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
    """Show which functions have the layer, and with which faults.

    All functions are shown, or those named.

    A live plan is read with your own credentials, and what it says now is shown. A function without
    AWS's layer, through which it would read it, is *not read*.

    Published versions that inject faults are shown as well, with the aliases that send to them.
    `stop` cannot change these.

    Exit codes: 0, all of it is known, and `stop` reaches every fault; 2, a mistake in what was
    typed; 1, a published version injects faults by itself, or something could not be looked at.
    """
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region, all_regions=all_regions)
    found = read_status(account, selection, all_regions=all_regions)
    if json_:
        regions = [there.as_json() for there in found.regions]
        told: dict[str, Any] = dict(account.identity().as_json())
        if all_regions:
            told |= {"regions": regions, "not_asked": found.asked.as_json()}
        else:
            told |= regions[0]
        output.print_json(told)
    elif not any(
        there.functions or there.findings.versions or there.hidden for there in found.regions
    ):
        asked = "any region" + " that was asked" * bool(found.asked.silent)
        place = asked if all_regions else account.region
        say(
            f"no function in {place} has the layer, nor has any published version "
            f"({account.identity()})"
        )
    else:
        for there in found.regions:
            _print(there, all_regions)
    for there in found.regions:
        for line in there.hidden:
            say(line)
        results.left_published(there.findings, live=False)
    for line in (*found.asked.lines(), *found.missing):
        say(line)
    return 0 if found.clear else 1


def _print(there: RegionStatus, all_regions: bool) -> None:
    """Print the table of one region: functions, and the published versions that matter."""
    shown = [one for one in there.findings.versions if one.state is not published.VersionState.IDLE]
    rows = [_row(one) for one in there.functions] + [_version_row(one) for one in shown]
    if rows or not all_regions:
        say(f"in {there.account.place}")
    if rows:
        output.table(("function", "state", "layer", "faults", ""), rows)
    if idle := len(there.findings.versions) - len(shown):
        say(f"published versions that have the layer and inject nothing: {idle}")


def _row(one: FunctionStatus) -> tuple[str | Cell, ...]:
    # A plan that is fetched is among the faults: it says them.
    settings = _SETTINGS - {PLAN} if one.source else _SETTINGS
    given = {name: text for name, text in one.variables.items() if text}  # an empty one is unset
    faults = [_short(name, text) for name, text in given.items() if name not in settings]
    others = [_short(name, text) for name, text in given.items() if name in settings]
    layer = one.layer.rpartition(":layer:")[2] if one.layer else ""
    return (
        one.function,
        Cell(one.state, _STYLES.get(one.state, "")),
        layer,
        " ".join(faults),
        "; ".join([" ".join(others)] * bool(others) + list(one.notes)),
    )


def _version_row(one: published.Version) -> tuple[str | Cell, ...]:
    number = one.function.version
    ours = [arn for arn in one.function.layers if is_ours(arn)]
    notes = [
        f"alias {alias.name} ({alias.share(number) * 100:.4g}%)" for alias in one.aliases or ()
    ]
    notes += ["aliases not known"] * (one.aliases is None)
    return (
        one.function.label,
        Cell(one.state.value, _STYLES.get(one.state.value, "")),
        ours[0].rpartition(":layer:")[2] if ours else "",
        one.why,
        "; ".join([f"end={one.until}"] * bool(one.until) + notes),
    )


def _short(name: str, text: str) -> str:
    return f"{name.removeprefix(PREFIX).lower()}={text}"
