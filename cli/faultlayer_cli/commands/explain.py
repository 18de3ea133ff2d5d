"""`faultlayer explain`: which rules would hit one event, which would not, and why.

It promises to judge by the code that runs in Lambda (draws, matches, windows, what bars what), and
to inject nothing. `MAX` alone it cannot know: that counts in each execution environment.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import click
from rich.text import Text

from faultlayer.events.paths import MISSING
from faultlayer.faults import find_fault
from faultlayer.jsontext import dumps
from faultlayer.settings.configuration import Config
from faultlayer.settings.variables import read_environment
from faultlayer.targeting.choose import Aim, draws
from faultlayer.targeting.rules import Rule
from faultlayer.values import instant
from faultlayer.vocabulary.actions import BEFORE, Action, Nothing
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import NO_EVENT, PREFIX
from faultlayer_cli.commands import fault_flags, output
from faultlayer_cli.commands.options import FaultCommand
from faultlayer_cli.errors import Mistake

_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
_ARN = "arn:aws:lambda:us-east-1:123456789012:function:function"
_PLAIN = re.compile(r"[\x21-\x7e]{1,256}")
_LONGEST = 60  # characters of a value that are shown
_STYLES = {"hits": "red", "may hit": "yellow"}


@dataclass(frozen=True)
class Verdict:
    """What one rule does to the event: `hits`, `may hit` (by chance) or `misses`, and why."""

    rule: str
    fault: str
    verdict: str
    because: list[str]
    numbers: Mapping[str, Any]


@click.command(cls=FaultCommand)
@click.option("--event", metavar="FILE|-", required=True, help="the event, as JSON")
@click.option("--request-id", metavar="ID", help="for the draws of a seed")
@click.option("--function-arn", metavar="ARN", default=_ARN, help="as it is invoked")
@click.option("--at", metavar="TIME", help="when, as in 2027-01-31T17:00:00Z [default: now]")
@click.option("--json", "json_", is_flag=True, help="print JSON, for scripts")
def explain(
    event: str,
    request_id: str | None,
    function_arn: str,
    at: str | None,
    json_: bool,
    **typed: str | None,
) -> int:
    """Say which faults would hit this event, which would not, and why. Nothing is injected.

    Faults are given as for `faultlayer local`, as flags or as --plan; --fault-event is the fault.
    """
    given = {name.upper(): text for name, text in typed.items() if text is not None}
    fault_flags.check(given, frozenset(given), settings_of())
    body = _event(event)
    for flag, text in (
        ("--request-id", request_id or _REQUEST_ID),
        ("--function-arn", function_arn),
    ):
        if not _PLAIN.fullmatch(text):
            raise Mistake(
                f"{flag} is not plain text; allowed: letters, digits and signs, no blanks"
            )
    try:
        now = time() if at is None else instant.parse(at)
    except ValueError as error:
        raise Mistake(f"--at {error}; allowed: for example 2027-01-31T17:00:00Z") from None
    settings = read_environment(given, files=False)
    invocation = invocation_of(body, request_id or _REQUEST_ID, function_arn, now)
    verdicts = judge(settings, invocation, now, known_id=request_id is not None)
    if json_:
        output.print_json({"rules": [vars(verdict) for verdict in verdicts]})
    else:
        rows = [
            (v.rule, v.fault, Text(v.verdict, _STYLES.get(v.verdict, "")), "; ".join(v.because))
            for v in verdicts
        ]
        output.table(("rule", "fault", "verdict", "because"), rows)
    return 0


class ExplainSetting(fault_flags.Setting):
    """A variable as explain's flag, which must not be one of explain's own."""

    @property
    def flag(self) -> str:
        flag = super().flag
        return flag.replace("--", "--fault-", 1) if flag in _OWN else flag


def settings_of() -> list[fault_flags.Setting]:
    """The variables that explain takes."""
    return [
        ExplainSetting(s.variable, s.option, s.heading, s.about) for s in fault_flags.settings()
    ]


_OWN = frozenset(opt for parameter in explain.params for opt in parameter.opts)
for _setting in settings_of():
    explain.params.append(_setting.as_click())


def _event(source: str) -> bytes:
    try:
        body = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        json.loads(body)
    except OSError as error:
        raise Mistake(f"--event cannot read {source}: {error.strerror}") from None
    except ValueError as error:
        raise Mistake(f"--event {source} is not JSON: {error}") from None
    return body


def invocation_of(body: bytes, request_id: str, arn: str, now: float) -> Invocation:
    """The event as Lambda hands it out, with 3 s until the deadline."""
    head = (
        "HTTP/1.1 200 OK\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {int(now * 1000) + 3000}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {arn}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    return Invocation(head, head.lower(), lambda: body)


def judge(settings: Config, invocation: Invocation, now: float, *, known_id: bool) -> list[Verdict]:
    """Every rule's verdict, in the order in which they act."""
    plan = settings.plan
    values = {**plan.values, **settings.values} if plan else settings.values
    stopped = _stopped(values, now)
    # The kill switch and the window are judged here, so that rules are told of with them too.
    free = {
        name: value for name, value in values.items() if name not in ("DISABLED", "START", "END")
    }
    labels = dict(_labels(settings))
    aim = _aim(settings, free)
    rules = aim.rules if aim else []
    starts = {rule.lot for rule in aim.starts} if aim else set()
    never = labels.keys() - {rule.lot for rule in rules}
    verdicts = []
    outcomes: list[tuple[str, Action]] = []
    for rule in rules:
        label = labels[rule.lot]
        verdict, action = _judged(rule, label, invocation, values.get("SEED"), known_id=known_id)
        if stopped and verdict.verdict != "misses":
            verdict = Verdict(label, rule.fault.name, "misses", [*stopped, *verdict.because], {})
        elif action is not None and action.terminal and verdict.verdict == "hits":
            outcomes.append((label, action))
        verdicts.append(verdict)
    for lot, label in labels.items():
        if lot in never:
            fault = lot.partition("#")[0]
            at_start = lot in starts or ("MATCH" in values and _hits_starts(fault))
            because = [NO_EVENT if at_start else "its rate or its max is 0"]
            verdicts.append(Verdict(label, fault, "misses", because, {}))
    return _barred(verdicts, outcomes, dry_run=bool(values.get("DRY_RUN")))


def _hits_starts(name: str) -> bool:
    fault = find_fault(name)
    return fault is not None and fault.begin is not None


def _aim(settings: Config, values: Mapping[str, Any]) -> Aim | None:
    """What is aimed at, whatever switch or window says."""
    bare = Config()
    bare.drafts = settings.drafts + (settings.plan.drafts if settings.plan else [])
    bare.values = dict(values)
    return bare.aimed(None)


def _labels(settings: Config) -> Iterator[tuple[str, str]]:
    """Each rule's lot, and what users call it: its variable, or its place in the plan."""
    counts: dict[str, int] = {}
    variables = [(fault, PREFIX + fault.name.upper()) for fault, _ in settings.drafts]
    planned = settings.plan.drafts if settings.plan else []
    places = [(fault, f"faults[{place}]") for place, (fault, _) in enumerate(planned)]
    for fault, label in variables + places:
        nth = counts[fault.name] = counts.get(fault.name, 0) + 1
        yield (fault.name if nth == 1 else f"{fault.name}#{nth}"), label


def _stopped(values: Mapping[str, Any], now: float) -> list[str]:
    """Why nothing is injected at all; empty where it is."""
    reasons = []
    if values.get("DISABLED"):
        reasons.append("the kill switch is on")
    start, end = values.get("START"), values.get("END")
    if start is not None and now < start:
        reasons.append(f"it starts at {instant.show(start)}")
    if end is not None and now >= end:
        reasons.append(f"it ended at {instant.show(end)}")
    return reasons


def _judged(
    rule: Rule, label: str, invocation: Invocation, seed: str | None, *, known_id: bool
) -> tuple[Verdict, Action | None]:
    """One rule by itself: its draw, its match, and whether its fault applies."""
    because: list[str] = []
    verdict, how = "hits", 0.5
    if rule.rate < 1:
        verdict = "may hit"
        because.append(f"rate {rule.rate:g}: by chance, since there is no seed")
    if seed is not None and known_id:
        import hashlib

        whether, how = draws(hashlib.sha256, seed.encode(), rule.lot, invocation.id)
        hit = whether < rule.rate
        verdict = "hits" if hit else "misses"
        because[:] = [f"draw {whether:.4f} {'<' if hit else '≥'} rate {rule.rate:g}"]
    elif seed is not None and rule.rate < 1:
        because[:] = [f"rate {rule.rate:g}: the seed decides by --request-id"]
    missed = list(_mismatches(rule, invocation))
    if missed:
        return Verdict(label, rule.fault.name, "misses", missed, {}), None
    action = rule.decide(rule.options, invocation, how)
    if action is None or isinstance(action, Nothing):
        because = ["does not apply here"] if action is None else [action.why]
        return Verdict(label, rule.fault.name, "misses", because, {}), None
    return Verdict(label, rule.fault.name, verdict, because, action.numbers), action


def _mismatches(rule: Rule, invocation: Invocation) -> Iterator[str]:
    """One line for each condition that does not hold: path, expected, found."""
    for condition in rule.match.conditions if rule.match else ():
        if not condition.of_head and not invocation.readable():
            yield f"{condition.written}: the event cannot be read"
            continue
        found = condition.find(invocation)
        if not condition.holds(found):
            shown = "nothing" if found is MISSING else _short(dumps(found))
            wanted = _short(_wanted(condition.expected))
            yield f"{condition.written}: expected {wanted}, found {shown}"


def _wanted(expected: Mapping[str, Any]) -> str:
    return " and ".join(
        dumps(operand) if name == "equals" else f"{name} {dumps(operand)}"
        for name, operand in expected.items()
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _barred(
    verdicts: list[Verdict], outcomes: list[tuple[str, Action]], *, dry_run: bool
) -> list[Verdict]:
    """The verdicts, with one outcome only: of several the first, `before` before `after`."""
    outcomes.sort(key=lambda each: each[1].when != BEFORE)
    winner = outcomes[0][0] if outcomes else ""
    barred = {label for label, _ in outcomes[1:]}
    told = []
    for verdict in verdicts:
        because = list(verdict.because)
        what = verdict.verdict
        if verdict.rule in barred:
            what, because = "misses", [*because, f"{winner} decides the outcome already"]
        elif what != "misses" and dry_run:
            because.append("dry run: it is logged, not injected")
        told.append(Verdict(verdict.rule, verdict.fault, what, because, verdict.numbers))
    return told
