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

from faultlayer_cli import aws, change, sources, summary
from faultlayer_cli.apply import Outcome, Result, Run
from faultlayer_cli.attach import account_options, selection_options
from faultlayer_cli.select import Selection
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
    account = aws.account(profile, region)
    run = Run(account, ended if off else change.disable, wait=_WAIT, persistent=True)
    live: list[sources.Place] = []
    if selection:
        looked = run.look(selection.find(account))
        _leave(looked)
    else:
        concerned = [function for function in account.functions() if change.concerned(function)]
        looked = [run.judge(function) for function in concerned]
        live = sources.places(concerned)
    done, disarmed = _carried_out(account, run, looked, live, off)
    if json_:
        summary.as_json(account.region, done, sources=[_told(result) for result in disarmed])
    elif done:
        summary.results(account.region, done)
        _table(disarmed)
    else:
        say(f"no function in {account.region} has the layer")
    summary.failed(done)
    left = [result for result in disarmed if result.outcome is sources.Outcome.FAILED]
    for result in left:
        say(f"{result.place}: failed: {result.reason}")
    return 1 if summary.code(done) or left else 0


def _carried_out(
    account: aws.Account,
    run: Run,
    looked: Sequence[Result],
    live: Sequence[sources.Place],
    off: bool,
) -> tuple[list[Result], list[sources.Result]]:
    """Functions and sources at the same time; an interrupt ends the waiting for AWS."""
    interrupted = threading.Event()

    def pause(seconds: float) -> None:
        if interrupted.wait(seconds):
            raise aws.Refused("interrupted while waiting for AWS")

    with ThreadPoolExecutor(aws.WORKERS) as workers:
        futures = [workers.submit(sources.disarmed, account, place, pause) for place in live]
        done = run.carry_out(looked)
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
    for place in sources.places(functions):
        say(
            f"{place} stays as it is, since other functions may read it: "
            f"`faultlayer disarm {place.flag}` disarms it"
        )


def _told(result: sources.Result) -> dict[str, Any]:
    told = {"source": str(result.place), "outcome": result.outcome.value}
    return {**told, "reason": result.reason} if result.reason else told


def _table(disarmed: Sequence[sources.Result]) -> None:
    if disarmed:
        print()
        failed = sources.Outcome.FAILED
        rows = [
            (
                str(one.place),
                Text(one.outcome.value, "red" if one.outcome is failed else "green"),
                one.reason * (one.outcome is not failed),
            )
            for one in disarmed
        ]
        summary.table(("live plan", "outcome", ""), rows)


def ended(function: aws.Function) -> change.Change:
    """Without the layer; where it is part of the image, with the kill switch on."""
    return change.detach(function) if change.attached(function) else change.disable(function)


def stopped_at_least(account: aws.Account, result: Result) -> Result:
    """Where the layer could not be taken off: with the kill switch on, if that can be done."""
    if result.outcome is not Outcome.FAILED:
        return result
    run = Run(account, change.disable, wait=_WAIT, persistent=True)
    (done,) = run.carry_out(run.look([result.name]))
    if done.outcome not in (Outcome.CHANGED, Outcome.UNCHANGED):
        return result
    return Result(result.name, Outcome.FAILED, f"stopped, but not detached: {result.reason}")
