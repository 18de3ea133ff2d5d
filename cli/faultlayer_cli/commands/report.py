"""`faultlayer report`: what happened, from the log: injections against invocations and errors.

It promises to change nothing, to count an error where Lambda does (function errors and timeouts),
and to say why nothing was injected where the log tells.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from time import monotonic
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from faultlayer import instant
from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import account_options
from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs import lines as log_lines
from faultlayer_cli.logs import sources as log_sources
from faultlayer_cli.logs.sources import LogGroup, Message
from faultlayer_cli.logs.sums import Group, Sums, Tally
from faultlayer_cli.plans import expiry
from faultlayer_cli.terminal import say

_HEAD = ("fault", "injections", "dry runs", "invocations", "errors", "median ms", "p95 ms")
_ALLOWED = "for example 30m, 2h, 1d or 2027-01-31T17:00:00Z"
_NONE = "–"


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--log-group", "groups", metavar="NAME", multiple=True, help="a log group of CloudWatch"
)
@click.option(
    "--function", "functions", metavar="NAME", multiple=True, help="the log of this function"
)
@click.option("--since", metavar="TIME", help="from 30m, 2h, 1d ago on, or a time [default: 1h]")
@click.option("--until", metavar="TIME", help="up to then [default: now]")
@account_options
def report(
    files: Sequence[str],
    groups: Sequence[str],
    functions: Sequence[str],
    since: str | None,
    until: str | None,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:
    """Sum up what was injected, against invocations, errors and durations.

    The log comes from CloudWatch (--log-group, --function), or from FILE: what was saved of it as
    text, as JSON lines or by `aws logs filter-log-events`; - is standard input.

    An error is a function error or a timeout, as in Lambda's own metric; a 503 is none.
    """
    remote = bool(groups or functions)
    if remote == bool(files):
        raise Mistake("name one kind of log; allowed: --log-group or --function, or files")
    if files and (since or until):
        raise Mistake("--since and --until are for CloudWatch; a file is read as a whole")
    period: dict[str, str] = {}
    if remote:
        now = datetime.now(timezone.utc).timestamp()
        start, end = window(since or "1h", until, now)
        period = {"since": instant.show(start), "until": instant.show(end)}
        account = open_account(profile, region)
        sources = [LogGroup(name) for name in groups]
        sources += [log_sources.of_function(account, name) for name in functions]
        messages = _fetched(account, sources, round(start * 1000), round(end * 1000))
        names = list(dict.fromkeys(source.name for source in sources))
    else:
        names = list(dict.fromkeys(files))
        messages = (message for name in names for message in log_sources.of_file(name))
    sums = summed(watched(messages))
    if json_:
        output.print_json({"logs": names, **period, **as_json(sums)})
    if sums.empty:
        when = f" between {period['since']} and {period['until']}" if period else ""
        say(f"no invocation and no line of faultlayer's in {', '.join(names)}{when}")
    elif not json_:
        show(sums)
    return 0


def window(since: str, until: str | None, now: float) -> tuple[float, float]:
    """The period that is meant, in seconds since the epoch. Raises Mistake."""
    start = _time("--since", since, now)
    end = now if until is None else _time("--until", until, now)
    if end <= start:
        raise Mistake("--until is not after --since; allowed: a time after it")
    return start, end


def _time(flag: str, text: str, now: float) -> float:
    """The time that a text says: so long ago, or a time of its own."""
    try:
        return now - expiry.span(text).total_seconds()
    except Mistake:
        pass
    try:
        return instant.parse(text)
    except ValueError as error:
        raise Mistake(f"{flag} {error}; allowed: {_ALLOWED}") from None


def _fetched(
    account: Account, sources: Iterable[LogGroup], start: int, end: int
) -> Iterator[Message]:
    for source in dict.fromkeys(sources):
        yield from source.messages(account, start, end)


def watched(messages: Iterator[Message]) -> Iterator[Message]:
    """The messages; their number is shown as they come, where somebody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from messages
        return
    shown = 0.0
    with console.status("reading the log") as state:
        for count, message in enumerate(messages, 1):
            if monotonic() - shown > 0.1:
                shown = monotonic()
                state.update(f"reading the log: {count:,} messages")
            yield message


def summed(messages: Iterable[Message]) -> Sums:
    """What all messages say, summed up."""
    tally = Tally()
    for stream, text in messages:
        for seen in log_lines.read(text):
            tally.add(stream, seen)
    return tally.sums()


def as_json(sums: Sums) -> dict[str, Any]:
    """The sums, for scripts."""
    faults = [{"fault": name, **vars(group)} for name, group in sums.faults.items()]
    troubles = [{**vars(trouble), "times": times} for trouble, times in sums.troubles.items()]
    not_hit = vars(sums.not_hit)
    counted = {name: not_hit[name] for name in not_hit if name not in ("injections", "dry_runs")}
    return {"faults": faults, "not_hit": counted, "total": vars(sums.total), "troubles": troubles}


def show(sums: Sums) -> None:
    """Prints the table, and what went wrong."""
    if sums.total.invocations:
        rows = [_row(name, group) for name, group in sums.faults.items()]
        rows.append(_row("(not hit)", sums.not_hit, counted=False))
        rows.append(_row("total", sums.total))
        output.table(_HEAD, rows)
        if not sums.total.injections:
            print("no fault was injected")
    for trouble, times in sums.troubles.items():
        about = f" {trouble.about}" if trouble.about else ""
        often = f" ({times} times)" if times > 1 else ""
        print(f"{trouble.name}{about}: {trouble.message}{often}")
    sys.stdout.flush()


def _row(name: str, group: Group, *, counted: bool = True) -> tuple[str | Text, ...]:
    cells = (
        str(group.injections) if counted else "",
        str(group.dry_runs) if counted else "",
        _counted(group.invocations, group.share),
        _counted(group.errors, group.error_share),
        _time_cell(group.median_ms),
        _time_cell(group.p95_ms),
    )
    return (name, *(Text(cell, justify="right") for cell in cells))


def _counted(count: int, share: float | None) -> str:
    return str(count) if share is None else f"{count} ({share * 100:.1f} %)"


def _time_cell(milliseconds: float | None) -> str:
    return _NONE if milliseconds is None else f"{milliseconds:.1f}"
