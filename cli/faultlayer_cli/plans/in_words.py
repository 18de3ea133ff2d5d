"""Describe rules in a clause: invocations, faults and the end.

    variables --> rules, by the code that reads them in Lambda --> a clause each --> one sentence

The words are for people who are in a hurry, and hold no secrets. Nothing is asked of AWS, so a live
plan is only named.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import datetime

from faultlayer.events.match import Condition
from faultlayer.jsontext import dumps
from faultlayer.settings.configuration import Configuration
from faultlayer.targeting.choose import outcomes
from faultlayer.targeting.injection import Candidate
from faultlayer.targeting.rules import Rule, RuleSet
from faultlayer_cli.plans.explanation import invocation_of
from faultlayer_cli.plans.masking import shown
from faultlayer_cli.plans.variables import PLAN, Variables

_LONGEST = 60  # characters of a value that are shown
_INVOCATIONS, _STARTS = "invocations", "cold starts"


def until(end: float, now: float | None = None) -> str:
    """A point in time (epoch seconds) for people here: `08:47 CET (in 60 min)`."""
    now = time.time() if now is None else now
    local = datetime.fromtimestamp(end).astimezone()
    today = datetime.fromtimestamp(now).astimezone()
    form = "%H:%M:%S" if end - now < 600 else "%H:%M"
    if local.date() != today.date():
        form = "%a %d %b %H:%M" if abs(end - now) < 300 * 86400 else "%d %b %Y %H:%M"
    return f"{local.strftime(form)} {local.tzname()} ({_far(end - now)})"


def _far(seconds: float) -> str:
    if seconds <= 0:
        return "over"
    if seconds < 90:
        return f"in {math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    if minutes <= 90:
        return f"in {minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"in {hours} h" + f" {rest} min" * bool(rest)
    return f"in {round(hours / 24)} days"


def window(variables: Variables, now: float | None = None) -> str:
    """From when until when the faults are injected: `until 08:47 CET (in 60 min)`."""
    now = time.time() if now is None else now
    settings = variables.configuration.merged(variables.configuration.plan)
    ahead = settings.start is not None and settings.start > now
    begins = f"from {until(settings.start, now)} on, " if ahead and settings.start else ""
    if settings.end is not None:
        return f"{begins}until {until(settings.end, now)}"
    if variables.source:
        lasts = "for as long as" if _in_package(variables) else "until"
        ends = "that plan says" if _in_package(variables) else "that plan ends or is disarmed"
        return f"{begins}{lasts} {ends}"
    return f"{begins}without an end"


def hits(variables: Variables, whose: str = "", verb: str = "are hit by") -> str:
    """Which invocations are hit by which faults: `20% of the invocations are hit by status 503`.

    `whose` are the functions, such as `of orders`. Empty if nothing is injected.
    """
    live, found = _found(variables)
    said = _joined(found, "" if live else whose, verb)
    if not live:
        return said
    live = f"the invocations{whose} {verb.removesuffix(' by')} as {live}"
    return f"{live}, and besides {said}" if said else live


def observed(variables: Variables, who: str = "the function") -> str:
    """Say that the function's hosts are observed; empty if they are not."""
    return f"the hosts that {who} calls are observed" if variables.observes else ""


def each(variables: Variables, *, first: bool = True) -> list[str]:
    """The same as `hits`, one text for each fault: `20% of the invocations by status 503`.

    `first`: the last text also says which of several faults wins.
    """
    live, found = _found(variables)
    said = [f"{_share(rule.rate, kind)}{_which(rule)} by {fault(rule)}" for rule, kind in found]
    if said and first:
        said[-1] += _first([rule for rule, _ in found])
    return [f"as {live}"] * bool(live) + said


def _found(variables: Variables) -> tuple[str, list[tuple[Rule, str]]]:
    """The plan outside the variables, in words, and its rules if known."""
    source = variables.source
    if not source:
        return "", list(_clauses(variables.configuration))
    if variables.disabled:
        return "", []
    plan = "the plan in the package" if _in_package(variables) else "the live plan"
    besides = Variables({k: v for k, v in variables.texts.items() if k != PLAN})
    return f"{plan} says ({_clipped(source)})", list(_clauses(besides.configuration))


def _in_package(variables: Variables) -> bool:
    return (variables.source or "").startswith("file:")


def _joined(found: list[tuple[Rule, str]], whose: str, verb: str) -> str:
    """The rules' clauses as one; functions and verb are said once."""
    parts = []
    for place, (rule, kind) in enumerate(found):
        who = f"{_share(rule.rate, kind)}{whose if place == 0 else ''}{_which(rule)}"
        parts.append(f"{who} {verb if place == 0 else 'by'} {fault(rule)}")
    said = ", ".join(parts[:-1]) + (", and " if len(parts) > 1 else "") + "".join(parts[-1:])
    rules = [rule for rule, _ in found]
    return said + _together(rules) + _first(rules)


def _clauses(configuration: Configuration) -> Iterator[tuple[Rule, str]]:
    """A clause for each rule that can hit, with its target.

    The target is a start of the environment, or an invocation.
    """
    rule_set: RuleSet | None = configuration.chooser.rule_set if configuration.chooser else None
    if rule_set is not None:
        yield from ((rule, _STARTS) for rule in rule_set.starts)
        yield from ((rule, _INVOCATIONS) for rule in rule_set.rules)


def _share(rate: float, kind: str) -> str:
    return f"all {kind}" if rate >= 1 else f"{rate * 100:.4g}% of the {kind}"


def _together(rules: list[Rule]) -> str:
    """The share that is hit at all, if several rules each hit a share of the same invocations."""
    same = [rule for rule in rules if rule.fault.begin is None]
    if len(same) < 2 or same != rules or any(rule.match or rule.rate >= 1 for rule in same):
        return ""
    missed = math.prod(1 - rule.rate for rule in same)
    return f" ({(1 - missed) * 100:.4g}% by at least one)"


def _first(rules: list[Rule]) -> str:
    """The fault that wins if several would each decide the outcome of the same invocations."""
    invocation = invocation_of(b"{}", "id", "arn", time.time())
    found = []
    for rule in rules:
        action = None if rule.fault.begin else rule.decide(rule.options, invocation, 0.5)
        if action is not None and action.terminal:
            found.append(Candidate(rule, action))
    in_order = [one.rule for one in outcomes(found)]
    first = in_order[0] if in_order else None
    later = [
        rule
        for rule in in_order[1:]
        if first and (not (rule.match and first.match) or _which(rule) == _which(first))
    ]
    if first is None or not later:
        return ""
    verb = "acts" if len(later) == 1 else "act"
    names = " and ".join(fault(rule) for rule in later)
    return f" ({fault(first)} wins: {names} {verb} only on invocations that it does not hit)"


def _which(rule: Rule) -> str:
    if rule.match is None:
        return ""
    return " with " + " and ".join(_condition(one) for one in rule.match.conditions)


def _condition(condition: Condition) -> str:
    expected = condition.expected
    if set(expected) == {"equals"}:
        return f"{condition.written}={_clipped(_plain(expected['equals']))}"
    if expected == {"exists": True}:
        return condition.written
    if expected == {"exists": False}:
        return f"no {condition.written}"
    return f"{condition.written} {_clipped(dumps(expected))}"


def fault(rule: Rule) -> str:
    """A rule's fault and its options as they differ from the usual: `latency 300ms (when=after)`.

    A limit is said, too.
    """
    options = rule.options
    main = rule.fault.main
    said = f"{rule.fault.name} {_clipped(shown(main, getattr(options, main.name)))}"
    more = []
    for option in rule.fault.options:
        value = getattr(options, option.name)
        if value is not None and value != option.default:
            more.append(f"{option.name}={_clipped(shown(option, value))}")
    if rule.limit is not None:
        more.append(f"at most {rule.limit.remaining} in each environment")
    return said + (f" ({', '.join(more)})" if more else "")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else dumps(value)


def _clipped(text: str) -> str:
    """A text of bounded length."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
