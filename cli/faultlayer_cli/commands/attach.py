"""`faultlayer attach` and `detach`: the layer on functions in AWS, and off them.

They promise that all functions are looked at before the first is changed, that more than one is
changed only when the user confirmed it, and that a second run finds nothing to do.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import click

from faultlayer import __version__
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.aws.account import WORKERS, Account, Function, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import fault_flags, output, results
from faultlayer_cli.commands.options import (
    FaultCommand,
    account_options,
    change_options,
    selection_options,
)
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.fleet import change, published, timeouts
from faultlayer_cli.fleet.rollout import Outcome, Planner, Result, Rollout
from faultlayer_cli.layers import versions
from faultlayer_cli.plans import expiry
from faultlayer_cli.plans.expiry import END
from faultlayer_cli.terminal import say

_WAIT = 120.0  # seconds for an update of AWS's to end
_MANAGED = frozenset((change.NEXT_WRAPPER,))  # attach itself keeps what the function had
_RENAMED = {PREFIX + "DRY_RUN": "--log-only", END: "--until"}


class AttachSetting(fault_flags.Setting):
    """A variable as attach's flag: its --dry-run is about attaching, --until goes with --for."""

    @property
    def flag(self) -> str:
        return _RENAMED.get(self.variable) or super().flag


def settings() -> list[fault_flags.Setting]:
    """The variables that attach sets."""
    return [
        AttachSetting(s.variable, s.option, s.heading, s.about)
        for s in fault_flags.settings()
        if s.variable not in _MANAGED
    ]


@dataclass(frozen=True)
class Common:
    """What attach and detach have in common: the account, and how to go about it."""

    account: Account
    dry_run: bool
    yes: bool
    json: bool
    wait: bool


@click.command(cls=FaultCommand)
@selection_options
@click.option("--layer-arn", metavar="ARN", help="a layer version [default: the newest published]")
@click.option("--wrapped", is_flag=True, help="OS-only runtimes here had `wrap-package`")
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
    **typed: str | None,
) -> int:
    """Put the layer on functions in AWS, with the faults given as flags.

    FUNCTION is a name, an ARN or a pattern such as 'orders-*'. The faults given replace those that
    an earlier attach set; with none given, these stay. Layers, variables and the exec wrapper that
    a function has are kept, and `faultlayer detach` gives them back as they were.

    The faults end by themselves after an hour, unless --for, --until or --forever say otherwise.

    The unpublished version ($LATEST) is changed: published versions and aliases are not.
    """
    selection = Selection(functions, tags, stacks)
    given = variables(typed)
    end = expiry.Ending(for_, typed.get(END.lower()), forever, given)
    common = Common(open_account(profile, region), dry_run, yes, json_, wait)
    names = found(selection, common.account)
    published: dict[str, str] = {}
    lock = threading.Lock()

    def plan(function: Function) -> change.Change:
        with lock:
            arn = published.get(function.architecture)
            if arn is None:
                arn = published[function.architecture] = layer(common.account, function, layer_arn)
        return change.attach(function, arn, end.added(function), wrapped=wrapped)

    return changed(
        common, plan, names, "attach to", partial(tell, end), partial(lasting, common.account, end)
    )


for _setting in settings():
    attach.params.append(_setting.as_click())


def tell(end: expiry.Ending, looked: Sequence[Result]) -> None:
    """Says when the faults end, and which functions are armed again that were stopped."""
    changes = [result.change for result in looked if result.change]
    for before in (c for c in changes if not c.empty and change.DISABLED not in c.variables):
        if before.function.variables.get(change.DISABLED):
            say(f"{before.function.name}: was stopped ({change.DISABLED}), and is armed again")
    for line in timeouts.doubts(changes):
        say(line)
    if changes:
        ends = {c.variables[END] for c in changes if END in c.variables}
        say(end.told(ends))
        if end.armed:
            ends |= {end.own} if end.own and not ends else set()
            until = f"until {', '.join(sorted(ends))}" if ends else "for ever"
            say(
                f"a version that is published while they are attached keeps them {until}: "
                "`stop` and `detach` cannot change it"
            )


def lasting(account: Account, end: expiry.Ending, looked: Sequence[Result]) -> str:
    """The question before faults without an end go where versions are published.

    A version that is published meanwhile keeps them for ever. Empty: nothing to ask.
    """
    if not end.endless:
        return ""
    names = [result.function_name for result in looked if result.outcome is Outcome.PLANNED]
    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(partial(published.in_use, account), names))
    risky = [f"{name} ({what})" for name, what in zip(names, found, strict=True) if what]
    if not risky:
        return ""
    return (
        "these faults have no end, and versions are published of "
        f"{published.listed(risky)}: one that is published now injects them for ever"
    )


def variables(typed: Mapping[str, str | None]) -> dict[str, str] | None:
    """The variables of the flags that were typed; None where there were none. Raises Mistake."""
    given = {name.upper(): text for name, text in typed.items() if text is not None}
    known = settings()
    fault_flags.check(given, frozenset(given), known)
    if given and expiry.PLAN not in given and not read_environment(given, files=False).drafts:
        alone = ", ".join(setting.flag for setting in known if setting.variable in given)
        raise Mistake(f"{alone} without a fault; allowed: with a fault's flag or with --plan")
    return given or None


def layer(account: Account, function: Function, arn: str | None) -> str:
    """The ARN of the layer version for this function's architecture."""
    if arn is not None:
        try:
            return versions.chosen(account, arn, function.architecture).arn
        except Mistake as error:
            raise Mistake(f"--layer-arn {error}") from None
    newest = versions.newest(account, function.architecture)
    version = versions.version_of(newest)
    if version and version != __version__:
        say(
            f"{newest.arn} is of version {version}, this command of {__version__}: "
            "`faultlayer publish` publishes the layer of this one"
        )
    return newest.arn


@click.command()
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
) -> int:
    """Take the layer and its variables off functions: they are as they were before attach.

    Published versions keep the layer and the faults that they were published with. Those that are
    still armed are named, and the exit code is 1.
    """
    selection = Selection(functions, tags, stacks)
    common = Common(open_account(profile, region), dry_run, yes, json_, wait)
    account = common.account
    names = found(selection, account)

    def look(done: Sequence[Result]) -> published.Findings:
        named = [result.name for result in done]
        listed = published.of_names(account, named)
        return published.look(account, *listed, published.by_plan(account), results.harmless(done))

    return changed(common, change.detach, names, "detach from", look=look)


def found(selection: Selection, account: Account) -> list[str]:
    if not selection:
        raise Mistake("no function is named; allowed: names, patterns, --tag or --stack")
    return selection.find(account)


def changed(
    common: Common,
    plan: Planner,
    names: Sequence[str],
    verb: str,
    tell: Callable[[Sequence[Result]], None] = lambda looked: None,
    risk: Callable[[Sequence[Result]], str] = lambda looked: "",
    look: Callable[[Sequence[Result]], published.Findings] | None = None,
) -> int:
    """Looks, tells what is ahead, asks, changes, tells what became of it; the exit code.

    `risk`: what to ask about even for one function. `look`: what is left in published versions.
    """
    account = common.account
    say(f"in {account.place}")
    rollout = Rollout(common.account, plan, wait=_WAIT if common.wait else 0)
    try:
        looked = rollout.preview(names)
    except KeyboardInterrupt:
        raise Failure("interrupted; nothing was changed") from None
    unknown = [result.reason for result in looked if result.outcome is Outcome.UNKNOWN]
    if unknown:
        raise Mistake("\n".join(unknown))
    tell(looked)
    question = risk(looked)
    if question:
        say(question)
    if not common.dry_run:
        names = [r.name for r in looked if r.outcome is Outcome.PLANNED]
        if not common.yes:
            confirm(names, verb, account, asked=bool(question))
        looked = rollout.execute(looked)
    findings = look(looked) if look else published.Findings()
    if common.json:
        told = {**account.as_json(), "functions": results.as_data(looked)}
        output.print_json(told | (findings.as_json() if look else {}))
    elif common.dry_run:
        results.differences(looked)
    else:
        results.show(account.place, looked)
    results.failed(looked)
    results.left_published(findings)
    return results.code(looked) or (0 if findings.clear else 1)


def confirm(names: Sequence[str], verb: str, account: Account, *, asked: bool) -> None:
    """Has the user type how many functions are meant, if it is more than one.

    `asked`: something was asked that also one function needs a yes for.
    """
    if len(names) < 2 and not asked:
        return
    word = "yes"
    if len(names) > 1:
        word = str(len(names))
        say(f"{verb} {word} functions in {account.region}: {', '.join(names)}")
    print(f"Type {word} to go on ({account.identity()}): ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline()
    if not typed:
        print(file=sys.stderr)
    if typed.strip() != word:
        raise Mistake(f"not confirmed; nothing was changed; allowed: {word}, or --yes")
