"""Rules made for a test, and what hits an invocation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faultlayer.targeting.choose import Chooser
from faultlayer.targeting.limits import Limit
from faultlayer.targeting.rules import Rule, RuleSet
from faultlayer.values.kinds import Text
from faultlayer.vocabulary.actions import Action, Delay, Fail, Respond, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

Decide = Callable[[Options, Any, float], Action | None]


def event(request_id: str) -> tuple[bytes, bytes]:
    """The head of an event with this request id, and the same in lower case."""
    head = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %b\r\n\r\n" % request_id.encode()
    return head + b"{}", head.lower()


def rule(
    name: str,
    decide: Decide,
    order: int = 1,
    rate: float = 1.0,
    maximum: int | None = None,
    **more: Any,
) -> Rule:
    fault = Fault(
        f"tests.{name}", order=order, help="", main=Option("x", Text("", ""), ""), decide=decide
    )
    limit = None if maximum is None else Limit(maximum)
    return Rule(fault, Options({}), rate, limit, **more)


def chooser_of(rules: list[Rule], seed: str | None = None, **more: Any) -> Chooser:
    return Chooser(RuleSet(rules, seed, **more))


def delay(options: Options, invocation: Any, draw: float) -> Action:
    return Delay(draw)


def fail(when: str) -> Decide:
    return lambda options, invocation, draw: Fail("T", "m", when)


def respond(when: str) -> Decide:
    return lambda options, invocation, draw: Respond(500, {}, "", when)


def rewrite(options: Options, invocation: Any, draw: float) -> Action:
    return Rewrite(lambda answer: True, lambda stream: True)


def never(options: Options, invocation: Any, draw: float) -> None:
    return None


def hit(chooser: Chooser, request_id: str) -> list[str]:
    """The faults that hit this invocation, in order."""
    hits = chooser.decide(*event(request_id))
    return [found.rule.fault.name for found in hits.injections] if hits else []


def delays(chooser: Chooser, ids: list[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for request_id in ids:
        hits = chooser.decide(*event(request_id))
        actions = [each.action for each in hits.injections] if hits else []
        found[request_id] = [a.seconds for a in actions if isinstance(a, Delay)]
    return found


IDS = [f"{i:08x}-0000-4000-8000-{i * 7919:012x}" for i in range(3000)]
