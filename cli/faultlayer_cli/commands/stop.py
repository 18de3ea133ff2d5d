"""`faultlayer stop`: the stop button, for functions and for the live plans that they read.

It promises to ask nothing, to go on past what fails and name it, to leave a live plan alone that
functions outside the selection may read too, and never to end with 0 while a published version
may still inject faults, or where it found nothing to stop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import click
from rich.text import Text

from faultlayer_cli.aws.account import WORKERS, Account, Function, Refused, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output, results
from faultlayer_cli.commands.options import account_options, region_options, selection_options
from faultlayer_cli.errors import Mistake
from faultlayer_cli.fleet import change, everywhere, published, rollout
from faultlayer_cli.fleet.published import Findings, Version, Versions
from faultlayer_cli.fleet.rollout import Outcome, Result, Rollout
from faultlayer_cli.plans.place import Place
from faultlayer_cli.plans.stores import DisarmOutcome, DisarmResult, places, try_disarm
from faultlayer_cli.terminal import say

FOUND_NOTHING = 4
_WAIT = 30.0  # seconds for an update of AWS's to end


@dataclass
class Region:
    """What there is to stop in one region, and what became of it."""

    account: Account
    run: Rollout
    looked: list[Result]
    live: list[Place] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)  # functions that may have the layer
    missing: list[str] = field(default_factory=list)  # parts of the selection that it does not have
    done: list[Result] = field(default_factory=list)
    disarmed: list[DisarmResult] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    @property
    def failed(self) -> list[DisarmResult]:
        return [result for result in self.disarmed if result.outcome is DisarmOutcome.FAILED]

    @property
    def found(self) -> bool:
        """Whether there was anything of faultlayer's."""
        return bool(self.live or self.findings.versions) or any(
            result.change is None or change.concerned(result.change.function)
            for result in self.looked
        )

    @property
    def stopped(self) -> bool:
        """Whether it is certain that nothing injects faults any more."""
        certain = self.findings.clear and not self.hidden
        return certain and not self.failed and not results.code(self.done)

    def as_json(self) -> dict[str, Any]:
        return {
            "region": self.account.region,
            "functions": results.as_data(self.done),
            "sources": [_told(result) for result in self.disarmed],
            "versions": [version.as_json() for version in self.findings.versions],
            "unknown": self.hidden + self.findings.unknown,
        }


@click.command()
@selection_options
@click.option("--detach", "off", is_flag=True, help="take the layer off as well")
@region_options
@account_options
def stop(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    off: bool,
    all_regions: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """The stop button: no fault is injected any more, in any function, without asking.

    Every function of the account and region that has the layer (or those that are named) gets
    FAULTLAYER_DISABLED=true. Where none is named, the live plans that they read are disarmed too.
    Where one cannot be stopped the others are, and it is named.

    Published versions cannot be changed. Those that are still armed are named, with the aliases
    that send to them and the commands that lead callers away.

    Exit codes: 0, nothing injects faults any more; 4, nothing was found to stop, and nothing was
    changed; 2, a mistake in what was typed; 1, something still injects faults, or may do so.
    """
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region, all_regions=all_regions)
    stopped = threading.Event()

    def look(there: Account) -> Region:
        plan = ended if off else change.disable
        run = Rollout(there, plan, wait=_WAIT, persistent=True, stopped=stopped)
        return _looked(there, run, selection, all_regions)

    if all_regions:
        account.identity()  # wrong credentials are one mistake, not one in each region
    asked = everywhere.ask(account, look, all_regions=all_regions)
    regions = asked.found
    missing = everywhere.nowhere([there.missing for there in regions]) if all_regions else []
    if missing and not asked.silent and not any(there.looked for there in regions):
        raise Mistake("\n".join(missing))
    if selection:
        for there in regions:
            _leave(there)
    _carry_out(account, regions, selection, stopped, off)
    if json_:
        _print_json(account, asked, all_regions)
    else:
        for there in regions:
            if there.done or there.disarmed:
                results.show(there.account.place, there.done)
                _table(there.disarmed)
    for there in regions:
        _say(there)
    for line in asked.lines():
        say(line)
    for line in missing:
        say(line)
    if asked.silent or missing or not all(there.stopped for there in regions):
        if not any(there.done or there.disarmed for there in regions):
            say(
                f"looked in {account.place}"
                if not all_regions
                else f"looked in {account.identity()}"
            )
        return 1
    if not any(there.found for there in regions):
        _say_nothing(account, selection, len(regions), all_regions)
        return FOUND_NOTHING
    return 0


def _looked(account: Account, run: Rollout, selection: Selection, all_regions: bool) -> Region:
    """What is to be done in this region."""
    if selection and all_regions:
        names, missing = everywhere.select(account, selection)
        looked = run.preview(names)
        missing += [result.name for result in looked if result.outcome is Outcome.UNKNOWN]
        known = [result for result in looked if result.outcome is not Outcome.UNKNOWN]
        return Region(account, run, known, missing=missing)
    if selection:
        return Region(account, run, run.preview(selection.find(account)))
    all_functions = list(account.functions())
    concerned = [function for function in all_functions if change.concerned(function)]
    others = [f for f in all_functions if not change.concerned(f)]
    hidden = published.hidden(map(published.judge, others))
    return Region(
        account,
        run,
        [run.judge(function) for function in concerned],
        places(concerned),
        [hidden] if hidden else [],
    )


def _carry_out(
    account: Account,
    regions: Sequence[Region],
    selection: Selection,
    stopped: threading.Event,
    off: bool,
) -> None:
    """Functions and sources at the same time; an interrupt ends the waiting for AWS.

    Published versions are listed meanwhile: they must not keep the functions waiting.
    """
    interrupted = threading.Event()

    def pause(seconds: float) -> None:
        if interrupted.wait(seconds):
            raise Refused("interrupted while waiting for AWS")

    def disarm(there: Region, places: Iterable[Place]) -> list[Future[DisarmResult]]:
        return [workers.submit(try_disarm, there.account, p, pause) for p in places]

    with ThreadPoolExecutor(WORKERS) as workers:
        identified = workers.submit(account.identity)
        disarming = [disarm(there, there.live) for there in regions]
        listing = [workers.submit(_listed, there, selection, interrupted) for there in regions]
        pairs = [(there, result) for there in regions for result in there.looked]

        def work(pair: tuple[Region, Result]) -> Result:
            there, result = pair
            done = there.run.carry_out_one(result)
            return stopped_at_least(there.account, done) if off else done

        done = iter(rollout.each(work, pairs, "changing", stopped))
        for there in regions:
            there.done = [next(done) for _ in there.looked]
        _wait(listing, interrupted)
        for there, one, futures in zip(regions, listing, disarming, strict=True):
            groups, _ = one.result()
            if not selection:
                more = places(v.function for g in groups for v in g.published if v.place)
                futures += disarm(there, [place for place in more if place not in there.live])
                there.live = list(dict.fromkeys([*there.live, *more]))
        _wait([future for one in disarming for future in one], interrupted)
        for there, one, futures in zip(regions, listing, disarming, strict=True):
            there.disarmed = [future.result() for future in futures]
            groups, unknown = one.result()
            there.findings = published.look(
                there.account,
                groups,
                unknown,
                _settle(there, selection),
                results.harmless(there.done),
            )
        identified.result()


def _wait(futures: Sequence[Future[Any]], interrupted: threading.Event) -> None:
    try:
        for future in futures:
            future.exception()
    except KeyboardInterrupt:
        interrupted.set()


def _listed(
    there: Region, selection: Selection, interrupted: threading.Event
) -> tuple[list[Versions], list[str]]:
    """The versions of what is being stopped, and which of them could not be listed."""
    if not selection:
        return published.of_region(there.account, interrupted)
    return published.of_names(there.account, [result.name for result in there.looked])


def _settle(there: Region, selection: Selection) -> Callable[[Version], Version]:
    """What became of a version with a live plan: by its disarming, or by what the plan says now."""
    if selection:
        return published.by_plan(there.account)
    became = {result.place: result.outcome for result in there.disarmed}

    def settle(version: Version) -> Version:
        if version.place is None:
            return version
        failed = became[version.place] is DisarmOutcome.FAILED
        return published.settled(version, failed, ", which could not be disarmed" * failed)

    return settle


def _leave(there: Region) -> None:
    """Says which live plans stay, since functions that are not meant may read them."""
    functions = [result.change.function for result in there.looked if result.change]
    for place in places(functions):
        say(
            f"{place} stays as it is, since other functions may read it: "
            f"`faultlayer disarm {place.flag}` disarms it"
        )


def _say(there: Region) -> None:
    """Says what was not stopped, and what to do about it."""
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


def _print_json(account: Account, asked: everywhere.Asked[Region], all_regions: bool) -> None:
    told: dict[str, Any] = dict(account.identity().as_json())
    regions = [there.as_json() for there in asked.found]
    if all_regions:
        output.print_json({**told, "regions": regions, "not_asked": asked.as_json()})
    else:
        output.print_json({**told, **regions[0]})


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
    run = Rollout(account, change.disable, wait=_WAIT, persistent=True)
    (done,) = run.execute(run.preview([result.name]))
    if done.outcome not in (Outcome.CHANGED, Outcome.UNCHANGED):
        return result
    return Result(result.name, Outcome.FAILED, f"stopped, but not detached: {result.reason}")
