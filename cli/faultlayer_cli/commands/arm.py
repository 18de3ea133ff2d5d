"""`faultlayer arm`, `disarm` and `show`: the live plan that functions read while they run.

Nothing is written by a mistake. An armed plan is replaced only if the user says yes. Disarming
asks nothing, but refuses to overwrite other things than plans.
"""

from __future__ import annotations

import difflib
import json
import time

import click

from faultlayer.jsontext import dumps
from faultlayer_cli.aws.account import Account, Refused, open_account
from faultlayer_cli.commands import confirmation, output
from faultlayer_cli.commands.options import account_options, examples, files, source_options
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.plans import expiry, stores
from faultlayer_cli.plans import files as plan_files
from faultlayer_cli.plans.arming import Arming, json_value, prepare
from faultlayer_cli.plans.doubts import never_holding
from faultlayer_cli.plans.live_plan import COMMON_OPTIONS, PlanRule, describe
from faultlayer_cli.plans.masking import masked_plan
from faultlayer_cli.plans.place import Place, chosen_place
from faultlayer_cli.plans.state import PlanState, is_plan
from faultlayer_cli.plans.stores import DisarmOutcome, at
from faultlayer_cli.plans.variables import PLAN, Variables
from faultlayer_cli.terminal import put, say

_FAULT = "fault"


@click.command(epilog=examples("faultlayer arm plan.yaml --ssm /chaos/orders --for 30m"))
@click.argument("plan", metavar="PLAN", shell_complete=files)
@source_options
@click.option("--for", "for_", metavar="TIME", help="it ends after 30m, 2h, 1d [default: 1h]")
@click.option(
    "--until", "--end", "until", metavar="TIME", help="it ends then, as 2027-01-31T17:00:00Z"
)
@click.option("--forever", is_flag=True, help="no end is added: it ends with `faultlayer disarm`")
@click.option("--advanced", is_flag=True, help="a parameter of the advanced tier, up to 8 KB")
@click.option("--dry-run", is_flag=True, help="print what would be written, and write nothing")
@click.option(
    "--yes", "-y", is_flag=True, help="replace an armed plan, or any text, without asking"
)
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
    """Put a plan in force for all functions that read it live.

    PLAN is a file in YAML or JSON. The functions' variable FAULTLAYER_PLAN names the place:
    ssm:NAME or appconfig:APP/ENV/PROFILE. The plan ends by itself after an hour, unless it has an
    end or --for, --until or --forever say otherwise. The same plan again starts its hour anew.

    What may be a secret, such as the values of the fault `env`, is printed as ***.
    """
    place = chosen_place(ssm, appconfig)
    text = plan_files.load(plan).compact()
    end = expiry.of_plan(for_, until, forever, text)
    account = open_account(profile, region)
    arming = prepare(account, at(account, place), text, end, name=plan, advanced=advanced)
    say(f"in {account.place}")
    _say_readers(arming)
    say(_ends(arming, end))
    if there := _there(arming):
        say(there)
    for line in never_holding(Variables({PLAN: arming.text}).configuration, ""):
        say(f"warning: {plan}: {line}")
    if not dry_run and arming.changes:
        _confirm(arming, yes)
        arming.write()
    outcome = "unchanged" if not arming.changes else "would change" if dry_run else "armed"
    if json_:
        _print_json(account, arming, outcome)
    elif dry_run:
        _print_difference(arming, outcome)
    else:
        put(f"{place}: {outcome}")
    if not dry_run and arming.changes:
        say(f"each function follows from its next events on, after {arming.store.delay}")
    return 0


def _print_json(account: Account, arming: Arming, outcome: str) -> None:
    output.print_json(
        {
            **account.as_json(),
            "source": str(arming.store.place),
            "outcome": outcome,
            "plan": masked_plan(arming.plan),
            "before": masked_plan(arming.plan_before),
            "readers": arming.readers,
        }
    )


def _say_readers(arming: Arming) -> None:
    place, found = arming.store.place, arming.readers
    if found is None:
        say(f"which functions read {place} is not known: {arming.readers_unknown}")
        return
    listed = f": {', '.join(found)}" if found else ""
    count = len({reader.partition(":")[0] for reader in found})  # orders:3 is a version of orders
    functions = "function reads" if count == 1 else "functions read"
    say(f"{count} {functions} {place} in {arming.region}{listed}")
    if arming.blind:
        say(f"without the layer {arming.agent}, so they cannot read it: {', '.join(arming.blind)}")


def _ends(arming: Arming, end: expiry.Ending) -> str:
    if arming.state in (PlanState.DISABLED, PlanState.EMPTY, PlanState.OVER):
        return f"this plan injects nothing: it is {arming.state.value}"
    if not arming.end:
        return "the faults end with `faultlayer disarm` or `faultlayer stop`"
    change = "; --for, --until or --forever change that" if end.due else ""
    return f"the faults end by themselves at {arming.end}{change}"


def _print_difference(arming: Arming, outcome: str) -> None:
    """Print the new plan and its difference from the present plan."""
    put(f"{arming.store.place}: {outcome}")
    if not arming.changes:
        return
    new, old = masked_plan(arming.plan), masked_plan(arming.plan_before)
    put(f"  {dumps(new)}")
    there = json.dumps(old, indent=2).split("\n") if old is not None else []
    then = json.dumps(new, indent=2).split("\n")
    for line in difflib.unified_diff(there, then, "now", "then", lineterm=""):
        put(f"  {line}")


def _there(arming: Arming) -> str:
    """Describe the text that this plan replaces, without printing it.

    Empty if the text does not matter.
    """
    if not (arming.changes and arming.replaces_armed):
        return ""
    place, reach = arming.store.place, "every function that reads it"
    if arming.readers:
        reach += f", {len(arming.readers)} of them in {arming.region}"
    if not arming.before_is_plan:
        held = f"a text of {len(arming.before or '')} characters that is no plan"
        return f"{place} holds {held}; this overwrites it for {reach}"
    if arming.is_wrong:
        return f"{place} holds no plan that can be read; this overwrites it for {reach}"
    if arming.renews:
        was = f"it was {arming.end_before}" if arming.end_before else "it had no end"
        return f"{place} is armed with this plan already: its end is set anew; {was}"
    return f"{place} is armed already; this replaces its plan for {reach}"


def _confirm(arming: Arming, yes: bool) -> None:
    """Ask for `yes` before another plan or other text is overwritten."""
    if arming.replaces_armed and not arming.renews and not yes:
        confirmation.ask("yes", "nothing was written")


@click.command(epilog=examples("faultlayer disarm --ssm /chaos/orders"))
@source_options
@click.option("--yes", "-y", is_flag=True, help="overwrite also a text that is no plan")
@account_options
def disarm(
    ssm: str | None,
    appconfig: str | None,
    yes: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Put a plan in force that injects nothing, without asking.

    All functions that read the plan live follow. A text that is no plan is overwritten only if a
    function of the region reads it, or with --yes.
    """
    place = chosen_place(ssm, appconfig)
    account = open_account(profile, region)
    store = at(account, place)

    def check(text: str) -> None:
        if not yes and not is_plan(text):
            _refuse_unread(account, store)

    try:
        done = stores.disarm(store, check=check)
    except KeyboardInterrupt:
        raise Failure(f"interrupted; {place} may still be armed") from None
    if done.outcome is DisarmOutcome.ABSENT and not done.reason:
        raise Mistake(f"{_absent(place, account)}; nothing was written")
    if done.reason:
        say(f"{place}: {done.reason}")
    if json_:
        output.print_json(
            {**account.as_json(), "source": str(place), "outcome": done.outcome.value}
        )
    else:
        say(f"in {account.place}")
        put(f"{place}: {done.outcome.value}")
    if done.outcome is DisarmOutcome.DISARMED:
        say(f"each function follows from its next events on, after {store.delay}")
    return 0


def _refuse_unread(account: Account, store: stores.Store) -> None:
    """Raise Mistake unless a function of the region reads this store."""
    try:
        if stores.readers(account, store):
            return
        readers = f"no function in {account.place} reads it"
    except Refused as refused:
        readers = f"which functions read it is not known: {refused}"
    raise Mistake(
        f"{store.place} holds a text that is no plan, and {readers}; nothing was written; allowed: "
        "the place of a plan, or --yes to overwrite the text, as for readers in other accounts"
    )


@click.command(epilog=examples("faultlayer show --appconfig shop/live/chaos"))
@source_options
@account_options
def show(
    ssm: str | None, appconfig: str | None, profile: str | None, region: str | None, json_: bool
) -> int:
    """Show a live plan: its rules, its end, and its mistakes."""
    place = chosen_place(ssm, appconfig)
    account = open_account(profile, region)
    found = at(account, place).read()
    if found.text is None:
        raise Mistake(f"{place}: {found.note}" if found.note else _absent(place, account))
    live = describe(place, found)
    if live.note:
        say(f"{place}: {live.note}")
    for line in never_holding(Variables({PLAN: live.text}).configuration, ""):
        say(f"warning: {place}: {line}")
    if json_:
        output.print_json(
            {
                **account.as_json(),
                "source": str(place),
                "state": live.state.value,
                **live.settings,
                "plan": masked_plan(json_value(live.text)),
                "rules": [_rule_json(rule) for rule in live.rules],
                "problems": list(live.problems),
            }
        )
        return 0
    put(f"{place}: {live.state.value}")
    put(f"region: {account.place}")
    for name, value in live.settings.items():
        put(f"{name}: {value}{_far(live.times[name]) if name in live.times else ''}")
    if live.rules:
        output.table((_FAULT, "options", *COMMON_OPTIONS), [_rule_row(rule) for rule in live.rules])
    for problem in live.problems:
        say(f"{place}: {problem}")
    if live.state is PlanState.WRONG:
        say(f"{place}: functions that have read a good plan keep it; the others inject nothing")
    return 0


def _absent(place: Place, account: Account) -> str:
    return f"{place} does not exist in {account.place}"


def _rule_json(rule: PlanRule) -> dict[str, object]:
    return {_FAULT: rule.fault, "options": dict(rule.options), **rule.common}


def _rule_row(rule: PlanRule) -> tuple[str, ...]:
    options = " ".join(f"{name}={text}" for name, text in rule.options.items())
    return (rule.fault, options, *(rule.common[name] or "" for name in COMMON_OPTIONS))


def _far(instant: float) -> str:
    """How far away a point in time (epoch seconds) is, in words."""
    left = instant - time.time()
    if left <= 0:
        return " (over)"
    minutes = int(left // 60)
    for size, unit in ((1440, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f" (in {minutes // size} {unit})"
    return f" (in {minutes} min)"
