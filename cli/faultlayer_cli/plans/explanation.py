"""Explain which rules would hit one event, and why: by the code that decides in Lambda.

    variables, plan --> rules --targeting.verdicts--> a verdict each --> in words: RuleVerdict

Only the words are made here. What stops all rules at once, the kill switch and the window, is told
by the configuration. Limits (`max`) are left out, since they count in each execution environment.
Nothing is injected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faultlayer.events.match import Condition
from faultlayer.events.paths import MISSING
from faultlayer.faults import find_fault
from faultlayer.jsontext import dumps
from faultlayer.settings.configuration import PLAN, Configuration, rules_of
from faultlayer.settings.draft import Settings
from faultlayer.targeting.choose import Chooser
from faultlayer.targeting.rules import RuleSet
from faultlayer.targeting.verdicts import Verdict, verdicts
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import NO_EVENT, PREFIX

HITS, MAY_HIT, MISSES, UNKNOWN = "hits", "may hit", "misses", "unknown"
_LONGEST = 60  # characters of a value that are shown


@dataclass(frozen=True)
class RuleVerdict:
    """The effect of a rule on the event, with reasons.

    `may hit`: by chance.
    """

    rule: str
    fault: str
    verdict: str
    because: list[str]
    numbers: Mapping[str, Any]


def invocation_of(body: bytes, request_id: str, arn: str, now: float) -> Invocation:
    """The invocation as Lambda hands it out, with 3 s until the deadline."""
    head = (
        "HTTP/1.1 200 OK\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {int(now * 1000) + 3000}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {arn}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    return Invocation(head, head.lower(), lambda: body)


def explain(
    configuration: Configuration,
    invocation: Invocation,
    now: float,
    *,
    known_id: bool,
    unread: str = "",
) -> list[RuleVerdict]:
    """Every rule's verdict, in the order in which they act; `now` is in epoch seconds.

    `known_id`: whether the request id is the one that a seed is to go by. `unread`: why the live
    plan is not known, which may stop all rules; empty if there is none, or if it is in the
    configuration.
    """
    settings = configuration.merged(configuration.plan)
    labels = dict(_labels(configuration))
    chooser = _chooser(configuration, settings)
    judged = verdicts(chooser, invocation, seeded=known_id)
    stopped = configuration.pauses(now)
    found = []
    for one in judged:
        verdict, because = _in_words(one, labels, invocation, settings.seed, stopped)
        numbers = one.action.numbers if one.action and one.applies else {}
        if verdict != MISSES and one.rule.fault.aims_at_hosts:
            where = _short(one.rule.options.hosts.show())
            because.append(f"only connections to {where}: without one nothing is injected")
        if verdict != MISSES and settings.dry_run:
            because.append("dry run: it is logged, not injected")
        if unread and verdict == HITS:
            verdict = MAY_HIT
            because.append("the live plan, which is not known, may stop it")
        if stopped:
            numbers = {}
        found.append(
            RuleVerdict(labels[one.rule.draw_name], one.rule.fault.name, verdict, because, numbers)
        )
    acting = {one.rule.draw_name for one in judged}
    starts = {rule.draw_name for rule in chooser.starts}
    for draw_name, label in labels.items():
        if draw_name not in acting:
            fault = draw_name.partition("#")[0]
            at_start = draw_name in starts or (settings.match is not None and _hits_starts(fault))
            why = NO_EVENT if at_start else "its rate or its max is 0"
            found.append(RuleVerdict(label, fault, MISSES, [why], {}))
    if unread:
        found.append(RuleVerdict(PLAN, "", UNKNOWN, [unread], {}))
    return found


def _in_words(
    one: Verdict,
    labels: Mapping[str, str],
    invocation: Invocation,
    seed: str | None,
    stopped: list[str],
) -> tuple[str, list[str]]:
    """One rule's verdict, and the reasons for it; `stopped` is why no rule can hit."""
    if not one.matched:
        return MISSES, list(_mismatches(one.unmet, invocation))
    if one.why_not:
        return MISSES, [one.why_not]
    if one.action is None:
        return MISSES, ["does not apply here"]
    because = _draw(one, seed)
    if one.by_chance:
        because.append("chance decides as well whether it does anything to this event")
    if one.drawn is False:
        return MISSES, because
    if stopped:
        return MISSES, [*stopped, *because]
    if one.barred_by is not None:
        return MISSES, [*because, f"{labels[one.barred_by.draw_name]} decides the outcome already"]
    return HITS if one.drawn else MAY_HIT, because


def _draw(one: Verdict, seed: str | None) -> list[str]:
    """The rate, and the seed's draw against it, as reasons."""
    rate = one.rule.rate
    if one.draw is not None:
        return [f"draw {one.draw:.4f} {'<' if one.draw < rate else '≥'} rate {rate:g}"]
    if rate >= 1:
        return []
    if seed is None:
        return [f"rate {rate:g}: by chance, since there is no seed"]
    return [f"rate {rate:g}: the seed decides by --request-id"]


def _chooser(configuration: Configuration, settings: Settings) -> Chooser:
    """The rules as if no kill switch and no window were set: those stop all rules, or none."""
    drafts = configuration.drafts + (configuration.plan.drafts if configuration.plan else [])
    return Chooser(RuleSet(rules_of(settings, drafts), settings.seed))


def _hits_starts(name: str) -> bool:
    fault = find_fault(name)
    return fault is not None and fault.begin is not None


def _labels(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Each rule's draw name, and its name for users: its variable, or its place in the plan."""
    counts: dict[str, int] = {}
    variables = [(fault, PREFIX + fault.name.upper()) for fault, _ in configuration.drafts]
    planned = configuration.plan.drafts if configuration.plan else []
    places = [(fault, f"faults[{place}]") for place, (fault, _) in enumerate(planned)]
    for fault, label in variables + places:
        number = counts[fault.name] = counts.get(fault.name, 0) + 1
        yield (fault.name if number == 1 else f"{fault.name}#{number}"), label


def _mismatches(unmet: list[Condition], invocation: Invocation) -> Iterator[str]:
    """One line for each condition that does not hold: path, expected, found."""
    for condition in unmet:
        if not condition.of_head and not invocation.readable():
            yield f"{condition.written}: the event cannot be read"
            continue
        found = condition.find(invocation)
        shown = "nothing" if found is MISSING else _short(dumps(found))
        yield f"{condition.written}: expected {_short(_wanted(condition.expected))}, found {shown}"


def _wanted(expected: Mapping[str, Any]) -> str:
    return " and ".join(
        dumps(operand) if name == "equals" else f"{name} {dumps(operand)}"
        for name, operand in expected.items()
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
