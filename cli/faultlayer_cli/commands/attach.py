"""`faultlayer attach` and `detach`: put the layer on functions in AWS, and take it off.

More than one function is changed only if the user confirmed it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

import click

from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import confirmation, fault_flags, output, results
from faultlayer_cli.commands.options import (
    FaultCommand,
    account_options,
    change_options,
    examples,
    selection_options,
)
from faultlayer_cli.errors import Mistake
from faultlayer_cli.fleet import change, published, summary
from faultlayer_cli.fleet.attach import Prepared, prepare_attach, prepare_detach, still_armed
from faultlayer_cli.fleet.rollout import Result
from faultlayer_cli.plans import expiry
from faultlayer_cli.plans.doubts import doubts
from faultlayer_cli.plans.variables import END, PLAN, Variables
from faultlayer_cli.terminal import TERMINAL, say

_MANAGED = frozenset((change.NEXT_WRAPPER,))  # attach itself keeps the function's own wrapper
_LOG_ONLY = PREFIX + "DRY_RUN"


class AttachSetting(fault_flags.Setting):
    """A variable as attach's flag: --dry-run never was the old name of one here."""

    @property
    def old(self) -> str | None:
        return None if self.variable == _LOG_ONLY else super().old


def settings() -> list[fault_flags.Setting]:
    """The variables that attach sets."""
    return [
        AttachSetting(s.variable, s.option, s.heading, s.about)
        for s in fault_flags.settings()
        if s.variable not in _MANAGED
    ]


@click.command(
    cls=FaultCommand,
    epilog=examples(
        "faultlayer attach orders --latency 300ms --rate 20% --for 30m",
        "faultlayer attach 'orders-*' --status 503 --dry-run",
    ),
)
@selection_options
@click.option("--layer-arn", metavar="ARN", help="a layer version [default: the newest published]")
@click.option(
    "--wrapped", is_flag=True, help="packages of OS-only runtimes here come from `wrap-package`"
)
@click.option(
    "--for", "for_", metavar="TIME", help="the faults end after 30m, 2h, 1d [default: 1h]"
)
@click.option("--forever", is_flag=True, help="they end with `faultlayer stop` or `detach`")
@change_options
@account_options
def attach(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    layer_arn: str | None,
    wrapped: bool,
    for_: str | None,
    forever: bool,
    profile: str | None,
    region: str | None,
    json_: bool,
    dry_run: bool,
    yes: bool,
    wait: bool,
    pace: int | None,
    **typed: str | None,
) -> int:
    """Put the layer on functions in AWS, with faults.

    FUNCTION is a name, an ARN or a pattern such as 'orders-*'. The faults given replace those that
    an earlier attach set, after a question if these are armed; with none given, these stay. The
    same faults again start their hour anew. Layers, variables and the exec wrapper that a function
    has are kept, and `faultlayer detach` gives them back as they were.

    The faults end by themselves after an hour, unless --for, --until or --forever say otherwise.

    The unpublished version ($LATEST) is changed: published versions and aliases are not. Each
    change replaces the function's execution environments, so its next invocations are cold starts;
    --pace 30 changes at most 30 functions per minute. Provisioned concurrency belongs to published
    versions, and stays.
    """
    selection = Selection(functions, tags, stacks)
    given = variables(typed)
    end = expiry.Ending(for_, typed.get(END.lower()), forever, given)
    account = open_account(profile, region)
    names = found(selection, account)
    say(f"in {account.place}")
    prepared = prepare_attach(
        account,
        names,
        end,
        layer_arn=layer_arn,
        wrapped=wrapped,
        wait=wait,
        pace=pace,
        progress=TERMINAL,
    )
    code, done = carry_out(prepared, "attach to", dry_run=dry_run, yes=yes, json_=json_)
    if last := summary.sentence(done, _stop_command(selection, account)):
        say(last)
    return code


for _setting in settings():
    attach.params.append(_setting.as_click())


def variables(typed: Mapping[str, str | None]) -> Variables | None:
    """The variables of the flags that were typed; None if there are none. Raises Mistake."""
    given = {name.upper(): text for name, text in typed.items() if text is not None}
    known = settings()
    found = fault_flags.parse(given, frozenset(given), known)
    observes = found.configuration.settings.observe
    if given and PLAN not in given and not found.configuration.drafts and not observes:
        alone = ", ".join(setting.flag for setting in known if setting.variable in given)
        raise Mistake(f"{alone} without a fault; allowed: with a fault's flag or with --plan")
    fault_flags.refuse_end_that_is_over(found, frozenset(given))
    fault_flags.warn(doubts(found.configuration), frozenset(given), known)
    return found if given else None


@click.command(
    epilog=examples("faultlayer detach orders", "faultlayer detach --tag team=orders --dry-run")
)
@selection_options
@change_options
@account_options
def detach(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    profile: str | None,
    region: str | None,
    json_: bool,
    dry_run: bool,
    yes: bool,
    wait: bool,
    pace: int | None,
) -> int:
    """Take the layer and its variables off functions.

    They are as they were before attach.

    Each change replaces the function's execution environments, so its next invocations are cold
    starts.

    Published versions keep the layer and the faults that they were published with. Those that are
    still armed are named, and the exit code is 1.
    """
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region)
    names = found(selection, account)
    say(f"in {account.place}")
    prepared = prepare_detach(account, names, wait=wait, pace=pace, progress=TERMINAL)
    code, _ = carry_out(
        prepared, "detach from", dry_run=dry_run, yes=yes, json_=json_, look=still_armed
    )
    return code


def found(selection: Selection, account: Account) -> list[str]:
    if not selection:
        raise Mistake("no function is named; allowed: names, patterns, --tag or --stack")
    return selection.find(account)


def carry_out(
    prepared: Prepared,
    verb: str,
    *,
    dry_run: bool,
    yes: bool,
    json_: bool,
    look: Callable[[Account, Sequence[Result]], published.Findings] | None = None,
) -> tuple[int, Sequence[Result]]:
    """Show the changes ahead, ask, make them, show the outcome; return exit code and results.

    `look` finds what is left in published versions.
    """
    account = prepared.account
    for note in prepared.notes:
        say(note)
    if prepared.ended:
        say("faults are armed already, and this attach takes their place:")
    for line in prepared.ended:
        say(f"  {line}")
    if prepared.risk:
        say(prepared.risk)
    done: Sequence[Result] = prepared.results
    if not dry_run:
        if not yes:
            confirm(prepared, verb)
        done = prepared.execute()
    findings = look(account, done) if look else published.Findings()
    if json_:
        told = {**account.as_json(), "functions": [one.as_json() for one in done]}
        output.print_json(told | (findings.as_json() if look else {}))
    elif dry_run:
        results.differences(done)
    else:
        results.table(done)
    results.failed(done)
    results.left_published(findings)
    if not json_:
        results.summary(account.place, done)
    results.go_on(done)
    return results.code(done) or (0 if findings.clear else 1), done


def _stop_command(selection: Selection, account: Account) -> str:
    """The command that stops the faults of these functions, from any directory and terminal."""
    profile = ("--profile", account.profile) if account.profile else ()
    where = ("--region", account.region, *profile)
    return shlex.join(("faultlayer", "stop", *selection.arguments, *where))


def confirm(prepared: Prepared, verb: str) -> None:
    """Have the user type how many functions are meant, if more than one; or yes, if it is risky."""
    names, account = prepared.planned, prepared.account
    if len(names) < 2 and not (prepared.risk or prepared.ended):
        return
    word = "yes"
    if len(names) > 1:
        word = str(len(names))
        say(f"{verb} {word} functions in {account.region}: {published.listed(names)}")
        if aside := results.counted(one for one in prepared.results if one.name not in names):
            say(f"besides: {aside}")
    confirmation.ask(word, "nothing was changed", str(account.identity()))
