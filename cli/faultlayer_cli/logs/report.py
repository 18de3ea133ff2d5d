"""Sum up a log: from CloudWatch for a period, or from files that were saved.

sources (log groups, files) --messages--> lines (facts of each) --> sums --> Report
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from faultlayer.values import instant
from faultlayer_cli.aws.account import WORKERS, Account
from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs import lines as log_lines
from faultlayer_cli.logs import sources as log_sources
from faultlayer_cli.logs.lines import Fact, FactKind
from faultlayer_cli.logs.sources import LogGroup, LogMessage
from faultlayer_cli.logs.sums import Sums, Tally
from faultlayer_cli.progress import SILENT, Progress


@dataclass(frozen=True)
class Report:
    """The sums, and which logs they are of; the period (ISO 8601) is empty for files."""

    logs: tuple[str, ...]
    sums: Sums
    since: str = ""
    until: str = ""

    @property
    def period(self) -> dict[str, str]:
        return {"since": self.since, "until": self.until} if self.since else {}

    def as_json(self) -> dict[str, Any]:
        """The report, for scripts."""
        return {"logs": list(self.logs), **self.period, **as_json(self.sums)}


def of_cloudwatch(
    account: Account,
    *,
    groups: Sequence[str] = (),
    functions: Sequence[str] = (),
    since: float,
    until: float,
    progress: Progress = SILENT,
) -> Report:
    """Sum up log groups, and the logs of functions, between two times (epoch seconds)."""
    found = [LogGroup(name) for name in groups]
    with ThreadPoolExecutor(WORKERS) as workers:
        found += workers.map(partial(log_sources.of_function, account), functions)
    messages = (
        message
        for source in dict.fromkeys(found)
        for message in source.messages(account, round(since * 1000), round(until * 1000))
    )
    names = tuple(dict.fromkeys(source.name for source in found))
    sums = summed(_counted(messages, progress))
    return Report(names, sums, instant.show(since), instant.show(until))


def of_files(files: Sequence[str], progress: Progress = SILENT) -> Report:
    """Sum up files of a saved log; - is standard input. Raises Mistake."""
    names = tuple({os.path.realpath(name): name for name in reversed(files)}.values())[::-1]
    messages = (message for name in names for message in log_sources.of_file(name))
    tally = _tally(_counted(messages, progress), saved=True)
    if tally.newest_first:
        raise Mistake(
            f"the log in {', '.join(names)} stands newest first; allowed: oldest first, "
            "or rows with their time"
        )
    return Report(names, tally.sums())


def summed(messages: Iterable[LogMessage]) -> Sums:
    """Sum up all messages. Raises Mistake if an injection is not understood."""
    return _tally(messages).sums()


def _tally(messages: Iterable[LogMessage], *, saved: bool = False) -> Tally:
    tally = Tally()
    for message in messages:
        facts = list(log_lines.read(message.text))
        _require_all(message, facts)
        if saved:
            _require_durations(message, facts)
        for seen in facts:
            tally.add(message.stream, seen)
    return tally


def _require_all(message: LogMessage, facts: Sequence[Fact]) -> None:
    """Raise Mistake if a line with a counted event is not understood."""
    named = log_lines.COUNTED.findall(message.text)
    if not named:
        return
    counted = Counter(seen.kind for seen in facts)
    for name, kind in log_lines.KINDS.items():
        if named.count(name) > counted[kind]:
            raise Mistake(
                f"{message.place}: {name} is not understood here, so there is no report; "
                "allowed: a log as CloudWatch, `aws logs`, `sam logs` or a terminal has it"
            )


def _require_durations(message: LogMessage, facts: Sequence[Fact]) -> None:
    """Raise Mistake if a report of Lambda's was cut, as `--output yaml` folds it."""
    if "REPORT RequestId: " in message.text and any(
        seen.kind is FactKind.REPORT and seen.duration is None for seen in facts
    ):
        raise Mistake(
            f"{message.place}: a REPORT line has no duration, so there is no report; "
            "allowed: whole lines, or JSON"
        )


def _counted(messages: Iterable[LogMessage], progress: Progress) -> Iterator[LogMessage]:
    """The messages; their number is reported as they come."""
    with progress.counting("reading the log", "messages") as count:
        for number, message in enumerate(messages, 1):
            count(number, None)
            yield message


def as_json(sums: Sums) -> dict[str, Any]:
    """The sums, for scripts."""
    faults = [{"fault": name, **vars(group)} for name, group in sums.faults.items()]
    troubles = [{**vars(trouble), "times": times} for trouble, times in sums.troubles.items()]
    not_hit = vars(sums.not_hit)
    counted = {name: not_hit[name] for name in not_hit if name not in ("injections", "dry_runs")}
    return {
        "faults": faults,
        "not_hit": counted,
        "total": vars(sums.total),
        "troubles": troubles,
        "hosts": [one.as_json() for one in sums.hosts],
    }
