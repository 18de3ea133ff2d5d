"""What faults decide, from the variables that a user sets."""

from __future__ import annotations

from typing import Any

from faultlayer.settings.variables import read_environment
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary.actions import Action
from faultlayer.vocabulary.invocation import Invocation


def _rule(variables: dict[str, str]) -> Rule:
    settings = read_environment({f"FAULTLAYER_{name}": text for name, text in variables.items()})
    assert not settings.problems
    assert settings.chooser is not None
    (rule,) = settings.chooser.rules
    return rule


def doubted(timeout: float, **variables: str) -> str:
    """What a function's timeout (seconds) makes of the fault that these variables set."""
    rule = _rule(variables)
    return rule.fault.doubt(rule.options, timeout)


def decided(draw: float = 0.5, **variables: str) -> Any:
    """The action that these variables, given without their prefix, lead to."""
    rule = _rule(variables)
    action = rule.decide(rule.options, Invocation(b"", b"", lambda: b"{}"), draw)
    assert isinstance(action, Action)
    return action
