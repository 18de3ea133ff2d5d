"""`faultlayer stop`: the stop button, for functions and for the live plans that they read.

It promises to ask nothing, to go on past what fails and name it, and to leave a live plan alone
that functions outside the selection may read too.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
from rich.text import Text

from faultlayer_cli.aws.account import WORKERS, Account, Function, Refused, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output, results
from faultlayer_cli.commands.options import account_options, selection_options
from faultlayer_cli.fleet import change
from faultlayer_cli.fleet.rollout import Outcome, Result, Rollout
from faultlayer_cli.plans.place import Place
from faultlayer_cli.plans.stores import DisarmOutcome, DisarmResult, places, try_disarm
from faultlayer_cli.terminal import say

_WAIT = 30.0  # seconds for an update of AWS's to end


@click.command()
@selection_options
@click.option("--detach", "off", is_flag=True, help="take the layer off as well")
@account_options
def stop(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    off: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """The stop button: no fault is injected any more, in any function, without asking.

    Every function of the account and region that has the layer (or those that are named) gets
    FAULTLAYER_DISABLED=true. Where none is named, the live plans that they read are disarmed too.
    Where one cannot be stopped the others are, and it is named.
    """
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region)
    rollout = Rollout(account, ended if off else change.disable, wait=_WAIT, persistent=True)
    live: list[Place] = []
    if selection:
        looked = rollout.preview(selection.find(account))
        _leave(looked)
    else:
        concerned = [function for function in account.functions() if change.concerned(function)]
        looked = [rollout.judge(function) for function in concerned]
        live = places(concerned)
    done, disarmed = _carried_out(account, rollout, looked, live, off)
    if json_:
        results.as_json(account.region, done, sources=[_told(result) for result in disarmed])
    elif done:
        results.show(account.region, done)
        _table(disarmed)
    else:
        say(f"no function in {account.region} has the layer")
    results.failed(done)
    left = [result for result in disarmed if result.outcome is DisarmOutcome.FAILED]
    for result in left:
        say(f"{result.place}: failed: {result.reason}")
    return 1 if results.code(done) or left else 0


def _carried_out(
    account: Account,
    rollout: Rollout,
    looked: Sequence[Result],
    live: Sequence[Place],
    off: bool,
) -> tuple[list[Result], list[DisarmResult]]:
    """Functions and sources at the same time; an interrupt ends the waiting for AWS."""
    interrupted = threading.Event()

    def pause(seconds: float) -> None:
        if interrupted.wait(seconds):
            raise Refused("interrupted while waiting for AWS")

    with ThreadPoolExecutor(WORKERS) as workers:
        futures = [workers.submit(try_disarm, account, place, pause) for place in live]
        done = rollout.execute(looked)
        if off:
            done = [stopped_at_least(account, result) for result in done]
        try:
            for future in futures:
                future.exception()
        except KeyboardInterrupt:
            interrupted.set()
        return done, [future.result() for future in futures]


def _leave(looked: Sequence[Result]) -> None:
    """Says which live plans stay, since functions that are not meant may read them."""
    functions = [result.change.function for result in looked if result.change]
    for place in places(functions):
        say(
            f"{place} stays as it is, since other functions may read it: "
            f"`faultlayer disarm {place.flag}` disarms it"
        )


def _told(result: DisarmResult) -> dict[str, Any]:
    told = {"source": str(result.place), "outcome": result.outcome.value}
    return {**told, "reason": result.reason} if result.reason else told


def _table(disarmed: Sequence[DisarmResult]) -> None:
    if disarmed:
        print()
        failed = DisarmOutcome.FAILED
        rows = [
            (
                str(one.place),
                Text(one.outcome.value, "red" if one.outcome is failed else "green"),
                one.reason * (one.outcome is not failed),
            )
            for one in disarmed
        ]
        output.table(("live plan", "outcome", ""), rows)


def ended(function: Function) -> change.Change:
    """Without the layer; where it is part of the image, with the kill switch on."""
    return change.detach(function) if change.attached(function) else change.disable(function)


def stopped_at_least(account: Account, result: Result) -> Result:
    """Where the layer could not be taken off: with the kill switch on, if that can be done."""
    if result.outcome is not Outcome.FAILED:
        return result
    rollout = Rollout(account, change.disable, wait=_WAIT, persistent=True)
    (done,) = rollout.execute(rollout.preview([result.name]))
    if done.outcome not in (Outcome.CHANGED, Outcome.UNCHANGED):
        return result
    return Result(result.name, Outcome.FAILED, f"stopped, but not detached: {result.reason}")
