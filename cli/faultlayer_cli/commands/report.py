"""`faultlayer report`: sum up a log: injections against invocations, errors and durations.

An error is what Lambda counts as one: a function error or a timeout. If nothing was injected and
the log has the reason, it is shown. Nothing is changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timezone

import click

from faultlayer.faults import all_faults
from faultlayer.values import instant
from faultlayer.values.kinds import DurationRange
from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import account_options, examples, files, group_options
from faultlayer_cli.commands.output import Cell
from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs.hosts import HostSum, percentile
from faultlayer_cli.logs.report import of_cloudwatch, of_files
from faultlayer_cli.logs.sums import Group, Sums
from faultlayer_cli.plans.time_span import span
from faultlayer_cli.terminal import TERMINAL, put, say

_HEAD = ("fault", "injections", "dry runs", "invocations", "errors", "median ms", "p95 ms")
_HOSTS_HEAD = (
    "host",
    "connections",
    "failed",
    "bytes sent",
    "received",
    "connect: median ms",
    "p95 ms",
    "first byte: median ms",
    "p95 ms",
)
_ALLOWED = "for example 30m, 2h, 1d or 2027-01-31T17:00:00Z"
_NONE = "–"


@click.command(
    epilog=examples(
        "faultlayer report --function 'orders-*' --since 30m",
        "aws logs tail /aws/lambda/orders --since 1h | faultlayer report -",
    )
)
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=files)
@click.option(
    "--log-group", "groups", metavar="NAME", multiple=True, help="a log group of CloudWatch"
)
@click.option(
    "--function",
    "functions",
    metavar="NAME",
    multiple=True,
    help="the log of this function, or of all that a pattern such as 'orders-*' matches",
)
@group_options
@click.option("--since", metavar="TIME", help="from 30m, 2h, 1d ago on, or a time [default: 1h]")
@click.option("--until", metavar="TIME", help="up to then [default: now]")
@account_options
def report(
    files: Sequence[str],
    groups: Sequence[str],
    functions: Sequence[str],
    tags: Sequence[str],
    stacks: Sequence[str],
    since: str | None,
    until: str | None,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Sum up a log: injections against errors and durations.

    The log comes from CloudWatch (--log-group, --function, --tag, --stack), or from FILE: what was
    saved of it by `aws logs`, `sam logs`, Logs Insights or a terminal, as text, JSON or CSV; - is
    standard input.

    An error is a function error or a timeout, as in Lambda's own metric; a 503 is none.
    """
    selection = Selection(functions, tags, stacks)
    remote = bool(groups or selection)
    if remote == bool(files):
        raise Mistake(
            "name one kind of log; allowed: --log-group, --function, --tag and --stack, or files"
        )
    if files and (since or until):
        raise Mistake("--since and --until are for CloudWatch; a file is read as a whole")
    account: Account | None = None
    if remote:
        now = datetime.now(timezone.utc).timestamp()
        start, end = window(since or "1h", until, now)
        account = open_account(profile, region)
        found = of_cloudwatch(
            account,
            groups=groups,
            functions=selection.find(account),
            since=start,
            until=end,
            progress=TERMINAL,
        )
    else:
        found = of_files(files, TERMINAL)
    if json_:
        output.print_json({**(account.as_json() if account else {}), **found.as_json()})
    if found.sums.empty:
        when = f" between {found.since} and {found.until}" if found.since else ""
        there = f"; {account.place}" if account else ""
        say(f"no invocation and no line of faultlayer's in {', '.join(found.logs)}{when}{there}")
    elif not json_:
        show(found.sums)
        if account:
            put(f"from {', '.join(found.logs)} in {account.place}")
    return 0


def window(since: str, until: str | None, now: float) -> tuple[float, float]:
    """The period that is meant (epoch seconds). Raises Mistake."""
    start = _time("--since", since, now)
    end = now if until is None else _time("--until", until, now)
    if end <= start:
        raise Mistake("--until is not after --since; allowed: a time after it")
    return start, end


def _time(flag: str, text: str, now: float) -> float:
    """Parse a time (epoch seconds): so long ago, or a point in time."""
    try:
        return now - span(text).total_seconds()
    except Mistake:
        pass
    try:
        return instant.parse(text)
    except ValueError as error:
        raise Mistake(f"{flag} {error}; allowed: {_ALLOWED}") from None


def show(sums: Sums) -> None:
    """Print the table, and what went wrong."""
    if sums.total.invocations or sums.faults:
        rows = [_row(name, group) for name, group in sums.faults.items()]
        rows.append(_row("(not hit)", sums.not_hit, counted=False))
        rows.append(_row("total", sums.total))
        output.table(_HEAD, rows)
        if not sums.total.injections:
            put("no fault was injected")
    if sums.hosts:
        show_hosts(sums.hosts)
    for trouble, times in sums.troubles.items():
        about = f" {trouble.about}" if trouble.about else ""
        often = f" ({times} times)" if times > 1 else ""
        put(f"{trouble.name}{about}: {trouble.message}{often}")


def show_hosts(hosts: Sequence[HostSum]) -> None:
    """Print the hosts that were called, and a fault's HOSTS for each."""
    output.table(_HOSTS_HEAD, [_host_row(one) for one in hosts])
    if direct := sum(one.direct for one in hosts):
        put(f"connections without bytes and times, as they did not pass the relay: {direct}")
    if aim := next((one.aim for one in hosts if one.aim), ""):
        fault = next(
            fault
            for fault in all_faults()
            if fault.aims_at_hosts and isinstance(fault.main.kind, DurationRange)
        )
        value = f"--{fault.name} {fault.main.kind.example} --{fault.name}-hosts {shlex.quote(aim)}"
        put(f"to aim a fault at one, give its HOSTS the name in the first column, as in {value}")


def _host_row(one: HostSum) -> tuple[str | Cell, ...]:
    name = f"{one.host}:{one.port}" if one.host else "(others)"
    numbers = (one.connections, one.failed, one.sent, one.received)
    times = (
        percentile(kind, percent) for kind in (one.connect, one.first_byte) for percent in (50, 95)
    )
    cells = (*map(str, numbers), *(_NONE if time is None else f"{time:g}" for time in times))
    return (one.aim or name, *(Cell(cell, right=True) for cell in cells))


def _row(name: str, group: Group, *, counted: bool = True) -> tuple[str | Cell, ...]:
    cells = (
        str(group.injections) if counted else "",
        str(group.dry_runs) if counted else "",
        _counted(group.invocations, group.share),
        _counted(group.errors, group.error_share),
        _time_cell(group.median_ms),
        _time_cell(group.p95_ms),
    )
    return (name, *(Cell(cell, right=True) for cell in cells))


def _counted(count: int, share: float | None) -> str:
    return str(count) if share is None else f"{count} ({share * 100:.1f} %)"


def _time_cell(milliseconds: float | None) -> str:
    return _NONE if milliseconds is None else f"{milliseconds:.1f}"
