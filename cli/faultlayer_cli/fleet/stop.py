"""The stop button: end all faults of functions and of live plans, and name what cannot be ended.

    _look:    in each region, the functions that have the layer, and the live plans that they read
    _execute: kill switch or detach, plans disarmed, published versions listed: all at once
    Stopped:  in each region, what was done and what still injects faults

It asks nothing, goes on past what fails, and leaves a live plan alone that functions outside the
selection may read too. It is not `certain` while a published version may still inject faults.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faultlayer_cli.aws.account import WORKERS, Account, Function, Refused
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.errors import Mistake
from faultlayer_cli.fleet import change, everywhere, published, rollout
from faultlayer_cli.fleet.published import Findings, Version, Versions
from faultlayer_cli.fleet.rollout import Outcome, Result, Rollout, others_changes, unfinished
from faultlayer_cli.plans.place import Place
from faultlayer_cli.plans.stores import DisarmOutcome, DisarmResult, places, try_disarm
from faultlayer_cli.progress import SILENT, Progress

_WAIT = 30.0  # seconds for an update of AWS's to end


@dataclass
class StoppedRegion:
    """The functions and plans to stop in one region, and the outcome."""

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
        """True if there was anything of faultlayer's."""
        return bool(self.live or self.findings.versions) or any(
            result.change is None
            or change.may_inject(result.change.function)
            or not result.change.empty
            for result in self.looked
        )

    @property
    def stopped(self) -> bool:
        """True if it is certain that nothing injects faults any more."""
        certain = self.findings.clear and not self.hidden
        return certain and not self.failed and not unfinished(self.done)

    def as_json(self) -> dict[str, Any]:
        return {
            "region": self.account.region,
            "functions": [one.as_json() for one in self.done],
            "sources": [_told(result) for result in self.disarmed],
            "versions": [version.as_json() for version in self.findings.versions],
            "unknown": self.hidden + self.findings.unknown,
        }


@dataclass(frozen=True)
class Stopped:
    """The outcome in all regions that were asked."""

    asked: everywhere.Asked[StoppedRegion]
    missing: tuple[str, ...]  # one line for each name that no region has

    @property
    def regions(self) -> list[StoppedRegion]:
        return self.asked.found

    @property
    def certain(self) -> bool:
        """True if nothing that was meant injects faults any more."""
        whole = not (self.asked.silent or self.missing)
        return whole and all(there.stopped for there in self.regions)

    @property
    def found(self) -> bool:
        """True if there was anything of faultlayer's."""
        return any(there.found for there in self.regions)


def stop(
    account: Account,
    selection: Selection,
    *,
    detach: bool = False,
    all_regions: bool = False,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Stopped:
    """End all faults of the functions that are meant; of all functions if none is named.

    If none is named, the live plans that they read are disarmed too. `detach`: take the layer off
    as well. `dry_run`: change nothing, and say what the outcome would be. Raises Mistake for a
    selection that finds nothing, Failure if AWS cannot be asked.
    """
    stopped = threading.Event()

    def look(there: Account) -> StoppedRegion:
        plan = _ended if detach else change.disable
        run = Rollout(there, plan, wait=_WAIT, persistent=True, stopped=stopped, progress=progress)
        return _look(there, run, selection, all_regions)

    if all_regions:
        account.identity()  # wrong credentials are one mistake, not one in each region
    asked = everywhere.ask(account, look, all_regions=all_regions)
    regions = asked.found
    missing = everywhere.nowhere([there.missing for there in regions]) if all_regions else []
    if missing and not asked.silent and not any(there.looked for there in regions):
        raise Mistake("\n".join(missing))
    if selection:
        for there in regions:
            _leave(there, progress)
    for there in regions:
        for line in others_changes(there.looked):
            progress.note(line)
    _execute(account, regions, selection, stopped, progress, detach=detach, dry_run=dry_run)
    return Stopped(asked, tuple(missing))


def _look(account: Account, run: Rollout, selection: Selection, all_regions: bool) -> StoppedRegion:
    """Find the functions and plans to stop in this region."""
    if selection and all_regions:
        names, missing = everywhere.select(account, selection)
        looked = run.preview(names)
        missing += [result.name for result in looked if result.outcome is Outcome.UNKNOWN]
        known = [result for result in looked if result.outcome is not Outcome.UNKNOWN]
        return StoppedRegion(account, run, known, missing=missing)
    if selection:
        return StoppedRegion(account, run, run.preview(selection.find(account)))
    all_functions = list(account.functions())
    concerned = [function for function in all_functions if change.concerned(function)]
    others = [f for f in all_functions if not change.concerned(f)]
    hidden = published.hidden(map(published.judge, others))
    return StoppedRegion(
        account,
        run,
        [run.judge(function) for function in concerned],
        places(filter(change.may_inject, concerned)),
        [hidden] if hidden else [],
    )


def _execute(
    account: Account,
    regions: Sequence[StoppedRegion],
    selection: Selection,
    stopped: threading.Event,
    progress: Progress,
    *,
    detach: bool,
    dry_run: bool,
) -> None:
    """Functions and sources at the same time; an interrupt ends the waiting for AWS.

    Published versions are listed meanwhile: they must not keep the functions waiting.
    """
    interrupted = threading.Event()

    def pause(seconds: float) -> None:
        if interrupted.wait(seconds):
            raise Refused("interrupted while waiting for AWS")

    def given_up() -> bool:
        return stopped.is_set() or interrupted.is_set()

    def disarm(there: StoppedRegion, places: Iterable[Place]) -> list[Future[DisarmResult]]:
        act = partial(try_disarm, there.account, pause=pause, dry_run=dry_run)
        return [workers.submit(act, place) for place in places]

    with ThreadPoolExecutor(WORKERS) as workers:
        identified = workers.submit(account.identity)
        disarming = [disarm(there, there.live) for there in regions]
        listing = [workers.submit(_listed, there, selection, given_up) for there in regions]
        pairs = [(there, result) for there in regions for result in there.looked]

        def work(pair: tuple[StoppedRegion, Result]) -> Result:
            there, result = pair
            if dry_run:
                return result
            done = there.run.execute_one(result)
            return _stopped_at_least(there.account, done) if detach else done

        done = iter(rollout.each(work, pairs, "changing", stopped, progress))
        for there in regions:
            there.done = [next(done) for _ in there.looked]
        if stopped.is_set():  # while the functions were changed: then nothing else is waited for
            interrupted.set()
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
                published.harmless_after(there.done),
            )
        identified.result()


def _wait(futures: Sequence[Future[Any]], interrupted: threading.Event) -> None:
    try:
        for future in futures:
            future.exception()
    except KeyboardInterrupt:
        interrupted.set()


def _listed(
    there: StoppedRegion, selection: Selection, given_up: Callable[[], bool]
) -> tuple[list[Versions], list[str]]:
    """The versions of the functions being stopped, and those that could not be listed."""
    if not selection:
        return published.of_region(there.account, given_up)
    return published.of_names(there.account, [result.name for result in there.looked])


def _settle(there: StoppedRegion, selection: Selection) -> Callable[[Version], Version]:
    """Judge versions with a live plan: by the plan's disarming, else by its present text."""
    if selection:
        return published.by_plan(there.account)
    became = {result.place: result.outcome for result in there.disarmed}

    def settle(version: Version) -> Version:
        if version.place is None:
            return version
        failed = became[version.place] is DisarmOutcome.FAILED
        return published.settled(version, failed, ", which could not be disarmed" * failed)

    return settle


def _leave(there: StoppedRegion, progress: Progress) -> None:
    """Note which live plans stay, since functions that are not meant may read them."""
    functions = [result.change.function for result in there.looked if result.change]
    for place in places(filter(change.may_inject, functions)):
        progress.note(
            f"{place} stays as it is, since other functions may read it: "
            f"`faultlayer disarm {place.flag}` disarms it"
        )


def _told(result: DisarmResult) -> dict[str, Any]:
    told = {"source": str(result.place), "outcome": result.outcome.value}
    return {**told, "reason": result.reason} if result.reason else told


def _ended(function: Function) -> change.Change:
    """The change that takes the layer off; in an image, the one that sets the kill switch."""
    return change.detach(function) if change.attached(function) else change.disable(function)


def _stopped_at_least(account: Account, result: Result) -> Result:
    """If the layer could not be taken off, set the kill switch instead."""
    if result.outcome is not Outcome.FAILED:
        return result
    run = Rollout(account, change.disable, wait=_WAIT, persistent=True)
    (done,) = run.execute(run.preview([result.name]))
    if done.change and not change.concerned(done.change.function):
        # AWS has taken it off in the meantime.
        return Result(result.name, Outcome.CHANGED, change=result.change)
    if done.outcome not in (Outcome.CHANGED, Outcome.UNCHANGED):
        return result
    return Result(result.name, Outcome.FAILED, f"stopped, but not detached: {result.reason}")
