"""`faultlayer stop`: the stop button. It asks nothing, and names what it could not stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output, results
from faultlayer_cli.commands.options import (
    account_options,
    examples,
    region_options,
    selection_options,
)
from faultlayer_cli.commands.output import Cell
from faultlayer_cli.fleet import everywhere
from faultlayer_cli.fleet.stop import StoppedRegion
from faultlayer_cli.fleet.stop import stop as stop_all
from faultlayer_cli.plans.stores import DisarmOutcome, DisarmResult
from faultlayer_cli.terminal import TERMINAL, put, say

FOUND_NOTHING = 4


@click.command(
    epilog=examples(
        "faultlayer stop",
        "faultlayer stop 'orders-*' --detach",
        "faultlayer stop --dry-run --all-regions",
    )
)
@selection_options
@click.option("--dry-run", is_flag=True, help="print what would be stopped, and stop nothing")
@click.option("--detach", "off", is_flag=True, help="take the layer off as well")
@region_options
@account_options
def stop(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    dry_run: bool,
    off: bool,
    all_regions: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Stop all faults in all functions, or in those named.

    This is the stop button: it asks nothing.

    Every function of the account and region that has the layer (or those that are named) gets
    FAULTLAYER_DISABLED=true. If none is named, the live plans that they read are disarmed too. If
    one cannot be stopped, the others are, and it is named.

    Published versions cannot be changed. Those that are still armed are named, with the aliases
    that send to them and the commands that lead callers away.

    Each change replaces the function's execution environments, so its next invocations are cold
    starts.

    With --dry-run nothing is changed, and the exit code is the one to be expected.

    Exit codes: 0, nothing injects faults any more; 4, nothing was found to stop, and nothing was
    changed; 2, a mistake in what was typed; 1, something still injects faults, or may do so.
    """
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region, all_regions=all_regions)
    done = stop_all(
        account,
        selection,
        detach=off,
        all_regions=all_regions,
        dry_run=dry_run,
        progress=TERMINAL,
    )
    if json_:
        _print_json(account, done.asked, all_regions)
    else:
        for there in done.regions:
            if there.done or there.disarmed:
                results.table(there.done)
                _table(there.disarmed)
    if dry_run:
        say("nothing was stopped: --dry-run")
    for there in done.regions:
        _say(there)
    for line in done.asked.lines():
        say(line)
    for line in done.missing:
        say(line)
    for there in done.regions:
        if not json_ and (there.done or there.disarmed):
            results.summary(there.account.place, there.done)
    results.go_on([one for there in done.regions for one in there.done], named=False)
    if not done.certain:
        if not any(there.done or there.disarmed for there in done.regions):
            where = account.identity() if all_regions else account.place
            say(f"looked in {where}")
        return 1
    if not done.found:
        _say_nothing(account, selection, len(done.regions), all_regions)
        return FOUND_NOTHING
    return 0


def _say(there: StoppedRegion) -> None:
    """Name the functions and plans that were not stopped, and the remedy."""
    results.failed(there.done)
    for result in there.failed:
        say(f"{result.place}: failed: {result.reason}")
    for line in there.hidden:
        say(line)
    results.left_published(there.findings)


def _say_nothing(account: Account, selection: Selection, regions: int, all_regions: bool) -> None:
    place = f"any of {regions} regions" if all_regions else account.region
    named = f" named {selection}" if selection else ""
    say(
        f"nothing was stopped: no function{named} in {place} has the layer, nor has any published "
        f"version ({account.identity()})"
    )


def _print_json(
    account: Account, asked: everywhere.Asked[StoppedRegion], all_regions: bool
) -> None:
    told: dict[str, Any] = dict(account.identity().as_json())
    regions = [there.as_json() for there in asked.found]
    if all_regions:
        output.print_json({**told, "regions": regions, "not_asked": asked.as_json()})
    else:
        output.print_json({**told, **regions[0]})


def _table(disarmed: Sequence[DisarmResult]) -> None:
    if disarmed:
        put("")
        failed = DisarmOutcome.FAILED
        rows = [
            (
                str(one.place),
                Cell(one.outcome.value, "red" if one.outcome is failed else "green"),
                one.reason * (one.outcome is not failed),
            )
            for one in disarmed
        ]
        output.table(("live plan", "outcome", ""), rows)
