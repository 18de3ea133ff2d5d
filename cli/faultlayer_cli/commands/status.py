"""`faultlayer status`: which functions have the layer, with which faults, and whether it works.

It promises to change nothing, and to judge the variables by the code that reads them in Lambda.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
from rich.text import Text

from faultlayer.settings.variables import read_environment
from faultlayer.values.kinds import Source
from faultlayer.vocabulary.registry import GLOBALS, PREFIX
from faultlayer_cli.aws.account import WORKERS, Account, Function, Unknown, open_account
from faultlayer_cli.aws.arn import architecture_of, is_ours
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import account_options, selection_options
from faultlayer_cli.errors import Mistake
from faultlayer_cli.fleet import change
from faultlayer_cli.plans import expiry
from faultlayer_cli.terminal import say

_SETTINGS = frozenset(PREFIX + option.name for option in GLOBALS)
_STYLES = {"armed": "red", "wrong": "yellow", "disabled": "green"}


@click.command()
@selection_options
@account_options
def status(
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Show which functions have the layer, with which faults: all, or those named."""
    selection = Selection(functions, tags, stacks)
    account = open_account(profile, region)
    if selection:
        found = read(account, selection.find(account))
    else:
        found = [function for function in account.functions() if change.concerned(function)]
    told = [describe(function) for function in found]
    if json_:
        output.print_json({"region": account.region, "functions": told})
    elif told:
        output.table(("function", "state", "layer", "faults", ""), [_row(entry) for entry in told])
    else:
        say(f"no function in {account.region} has the layer")
    return 0


def read(account: Account, names: Sequence[str]) -> list[Function]:
    """The functions of these names. Raises Mistake for those that do not exist."""
    unknown: list[str] = []

    def look(name: str) -> Function | None:
        try:
            return account.function(name)
        except Unknown as error:
            unknown.append(str(error))
            return None

    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(look, names))
    if unknown:
        raise Mistake("\n".join(sorted(unknown)))
    return [function for function in found if function]


def describe(function: Function) -> dict[str, Any]:
    """What there is to say of one function, for scripts."""
    own = {k: v for k, v in sorted(function.variables.items()) if k.startswith(PREFIX)}
    ours = [arn for arn in function.layers if is_ours(arn)]
    state, notes = judge(function, own, ours)
    return {
        "function": function.name,
        "state": state,
        "notes": notes,
        "layer": ours[0] if ours else None,
        "source": _source(own),
        "runtime": function.runtime or function.package,
        "architecture": function.architecture,
        "variables": own,
    }


def _source(own: Mapping[str, str]) -> str | None:
    """Where the function reads its plan; None where it has none, or has it in the variable."""
    text = own.get(expiry.PLAN, "").strip()
    return text if text.startswith(Source.schemes) else None


def judge(function: Function, own: Mapping[str, str], ours: Sequence[str]) -> tuple[str, list[str]]:
    """The state in one word, and what the user should know besides."""
    if function.unreadable:
        return "unknown", [f"its variables cannot be read ({function.unreadable})"]
    if not change.concerned(function):
        return "not attached", []
    notes = []
    wrapper = function.variables.get(change.EXEC_WRAPPER)
    image = function.package == "Image"
    if not ours and not image:
        notes.append("has no layer of faultlayer's")
    if wrapper != change.WRAPPER and not image:
        notes.append(f"{change.EXEC_WRAPPER} is not {change.WRAPPER}")
    if ours and architecture_of(ours[0]) != function.architecture:
        notes.append(f"the layer is not for {function.architecture}")
    read = read_environment(function.variables, files=False)
    problems = [f"{problem.variable} {problem.message}" for problem in read.problems]
    if notes or problems:
        return "wrong", notes + problems
    if read.values.get("DISABLED"):
        return "disabled", notes
    if _source(own):
        return "live", notes
    if read.aim is None:
        planned = read.plan.drafts if read.plan else []
        over = any(draft for _, draft in read.drafts + planned)
        return ("over" if over else "idle"), notes
    return ("dry run" if read.aim.dry_run else "armed"), notes


def _row(entry: Mapping[str, Any]) -> tuple[str | Text, ...]:
    variables: Mapping[str, str] = entry["variables"]
    # A plan that is fetched is among the faults: it says them.
    settings = _SETTINGS - {expiry.PLAN} if entry["source"] else _SETTINGS
    faults = [_short(name, text) for name, text in variables.items() if name not in settings]
    others = [_short(name, text) for name, text in variables.items() if name in settings]
    state = entry["state"]
    layer = entry["layer"].rpartition(":layer:")[2] if entry["layer"] else ""
    return (
        entry["function"],
        Text(state, _STYLES.get(state, "")),
        layer,
        " ".join(faults),
        "; ".join([" ".join(others)] * bool(others) + entry["notes"]),
    )


def _short(name: str, text: str) -> str:
    return f"{name.removeprefix(PREFIX).lower()}={text}"
