"""`faultlayer arm`, `disarm` and `show`: the live plan that functions read while they run.

They promise that nothing is written by a mistake, that an armed plan is not replaced without the
user's word, and that disarming asks nothing.
"""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from faultlayer import plan as reader
from faultlayer.jsontext import dumps, loads
from faultlayer.registry import COMMON, GLOBALS, PLANNED, Fault
from faultlayer.values import Instant
from faultlayer_cli.aws.account import Account, Refused, open_account
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import account_options, source_options
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.plans import expiry, stores
from faultlayer_cli.plans import files as plan_files
from faultlayer_cli.plans.place import Place, chosen_place
from faultlayer_cli.plans.state import State, judge
from faultlayer_cli.plans.stores import DisarmOutcome, Store, at, readers
from faultlayer_cli.terminal import say

_FAULT = "fault"
_COMMON = [option.name for option in COMMON]
_PLANNED = {option.name: option for option in GLOBALS if option.name in PLANNED}


@dataclass(frozen=True)
class Arming:
    """A plan, where it is to go, and what is there."""

    account: Account
    source: Store
    text: str
    before: str | None
    readers: list[str] | None  # None: it is not known who reads it

    @property
    def new(self) -> bool:
        return bool(_value(self.before) != loads(self.text))

    def as_json(self, outcome: str) -> None:
        output.print_json(
            {
                "region": self.account.region,
                "source": str(self.source.place),
                "outcome": outcome,
                "plan": loads(self.text),
                "before": _value(self.before),
                "readers": self.readers,
            }
        )


@click.command()
@click.argument("plan", metavar="PLAN")
@source_options
@click.option("--for", "for_", metavar="TIME", help="it ends after 30m, 2h, 1d [default: 1h]")
@click.option("--until", metavar="TIME", help="it ends then, as 2027-01-31T17:00:00Z")
@click.option("--forever", is_flag=True, help="no end is added: it ends with `faultlayer disarm`")
@click.option("--advanced", is_flag=True, help="a parameter of the advanced tier, up to 8 KB")
@click.option("--dry-run", is_flag=True, help="print what would be written, and write nothing")
@click.option("--yes", "-y", is_flag=True, help="replace an armed plan without asking")
@account_options
def arm(
    plan: str,
    ssm: str | None,
    appconfig: str | None,
    for_: str | None,
    until: str | None,
    forever: bool,
    advanced: bool,
    dry_run: bool,
    yes: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Put the plan in the file PLAN (YAML or JSON) in force for all functions that read it live.

    They read it where FAULTLAYER_PLAN says: ssm:NAME or appconfig:APP/ENV/PROFILE. It ends by
    itself after an hour, unless it has an end or --for, --until or --forever say otherwise.
    """
    place = chosen_place(ssm, appconfig)
    text = plan_files.load(plan).compact()
    end = expiry.of_plan(for_, until, forever, text)
    account = open_account(profile, region)
    source = at(account, place)
    before = source.read().text
    made = dumps(end.planned(loads(text), _value(before)))
    _judged(plan, made)
    source.check(made, advanced=advanced)
    arming = Arming(account, source, made, before, _readers(account, source))
    say(_ends(made, end))
    if dry_run:
        outcome = "would change" if arming.new else "unchanged"
        arming.as_json(outcome) if json_ else _difference(arming, outcome)
        return 0
    if arming.new:
        _confirm(arming, yes)
        _written(source, made, advanced)
    outcome = "armed" if arming.new else "unchanged"
    if json_:
        arming.as_json(outcome)
    else:
        print(f"{place}: {outcome}")
    if arming.new:
        say(f"each function follows from its next events on, after {source.delay}")
    return 0


def _value(text: str | None) -> Any:
    """What the text says as JSON; None where it says nothing so."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _judged(name: str, text: str) -> None:
    """Raises Mistake where the plan is none any more, with the end that it was given."""
    problems = reader.read(text).problems
    if problems:
        raise Mistake("\n".join(f"{name}: {each.field} {each.message}" for each in problems))


def _readers(account: Account, source: Store) -> list[str] | None:
    """Who reads the source, and says so; None where that may not be asked."""
    try:
        found = readers(account, source)
    except Refused as refused:
        say(f"which functions read {source.place} is not known: {refused}")
        return None
    listed = f": {', '.join(found)}" if found else ""
    functions = "function reads" if len(found) == 1 else "functions read"
    say(f"{len(found)} {functions} {source.place} in {account.region}{listed}")
    return found


def _ends(text: str, end: expiry.Ending) -> str:
    state, _ = judge(text)
    when = expiry.end_of(loads(text))
    if state in (State.DISABLED, State.EMPTY, State.OVER):
        return f"this plan injects nothing: it is {state.value}"
    if not when:
        return "the faults end with `faultlayer disarm` or `faultlayer stop`"
    change = "; --for, --until or --forever change that" if end.due else ""
    return f"the faults end by themselves at {when}{change}"


def _difference(arming: Arming, outcome: str) -> None:
    """Prints the text that would be written, and how it differs from what is there."""
    print(f"{arming.source.place}: {outcome}")
    if outcome == "unchanged":
        return
    print(f"  {arming.text}")
    old = _value(arming.before)
    there = json.dumps(old, indent=2) if old is not None else arming.before or ""
    then = json.dumps(loads(arming.text), indent=2)
    lines = difflib.unified_diff(there.splitlines(), then.splitlines(), "now", "then", lineterm="")
    for line in lines:
        print(f"  {line}")


def _confirm(arming: Arming, yes: bool) -> None:
    """Has the user type yes, where the plan that is there may be at work."""
    if yes or arming.before is None or not judge(arming.before)[0].dangerous:
        return
    reach = "every function that reads it"
    if arming.readers:
        reach += f", {len(arming.readers)} of them in {arming.account.region}"
    say(f"{arming.source.place} is armed already; this replaces its plan for {reach}")
    print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        print(file=sys.stderr)
    if typed.strip() != "yes":
        raise Mistake("not confirmed; nothing was written; allowed: yes, or --yes")


def _written(source: Store, text: str, advanced: bool) -> None:
    try:
        source.write(text, advanced=advanced)
    except KeyboardInterrupt:
        look = f"`faultlayer show {source.place.flag}` tells"
        raise Failure(f"interrupted; {source.place} may be armed: {look}") from None


@click.command()
@source_options
@account_options
def disarm(
    ssm: str | None, appconfig: str | None, profile: str | None, region: str | None, json_: bool
) -> int:
    """Put a plan in force that injects nothing, for all functions that read it; without asking."""
    place = chosen_place(ssm, appconfig)
    account = open_account(profile, region)
    source = at(account, place)
    try:
        done = stores.disarm(source)
    except KeyboardInterrupt:
        raise Failure(f"interrupted; {place} may still be armed") from None
    if done.outcome is DisarmOutcome.ABSENT and not done.reason:
        raise Mistake(f"{_absent(place, account)}; nothing was written")
    if done.reason:
        say(f"{place}: {done.reason}")
    if json_:
        output.print_json(
            {"region": account.region, "source": str(place), "outcome": done.outcome.value}
        )
    else:
        print(f"{place}: {done.outcome.value}")
    if done.outcome is DisarmOutcome.DISARMED:
        say(f"each function follows from its next events on, after {source.delay}")
    return 0


@click.command()
@source_options
@account_options
def show(
    ssm: str | None, appconfig: str | None, profile: str | None, region: str | None, json_: bool
) -> int:
    """Show the live plan there: its rules, its end, and what is wrong with it."""
    place = chosen_place(ssm, appconfig)
    account = open_account(profile, region)
    found = at(account, place).read()
    if found.text is None:
        raise Mistake(f"{place}: {found.note}" if found.note else _absent(place, account))
    if found.note:
        say(f"{place}: {found.note}")
    state, plan = judge(found.text)
    rules = [_rule(fault, given, plan) for fault, given in plan.drafts if given is not None]
    whole = {name.lower(): _PLANNED[name].kind.show(value) for name, value in plan.values.items()}
    problems = [problem.said() for problem in plan.problems]
    if json_:
        told = {"region": account.region, "source": str(place), "state": state.value}
        more = {"plan": _value(found.text), "rules": rules, "problems": problems}
        output.print_json({**told, **whole, **more})
        return 0
    print(f"{place}: {state.value}")
    for name, value in whole.items():
        far = (
            _far(plan.values[name.upper()])
            if isinstance(_PLANNED[name.upper()].kind, Instant)
            else ""
        )
        print(f"{name}: {value}{far}")
    if rules:
        rows = []
        for rule in rules:
            options = " ".join(f"{name}={text}" for name, text in rule["options"].items())
            rows.append((rule[_FAULT], options, *(rule[name] or "" for name in _COMMON)))
        output.table((_FAULT, "options", *_COMMON), rows)
    for problem in problems:
        say(f"{place}: {problem}")
    return 0


def _absent(place: Place, account: Account) -> str:
    return f"{place} does not exist in {account.region}"


def _rule(fault: Fault, given: Mapping[str, Any], plan: reader.Plan) -> dict[str, Any]:
    """One rule in the words of a plan; what it has not said itself is what holds for all."""
    shown = {
        option.name: option.kind.show(given[option.name])
        for option in fault.variables().values()
        if given[option.name] is not None
    }
    common = {name: shown.pop(name, None) for name in _COMMON}
    for name in common:
        if common[name] is None and name.upper() in plan.values:
            common[name] = _PLANNED[name.upper()].kind.show(plan.values[name.upper()])
    return {_FAULT: fault.name, "options": shown, **common}


def _far(instant: float) -> str:
    """How far away a point in time is, in words."""
    left = instant - time.time()
    if left <= 0:
        return " (over)"
    minutes = int(left // 60)
    for size, unit in ((1440, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f" (in {minutes // size} {unit})"
    return f" (in {minutes} min)"
