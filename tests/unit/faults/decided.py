"""What faults decide, from the variables that a user sets."""

from __future__ import annotations

from typing import Any

from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import Action
from faultlayer.vocabulary.invocation import Invocation


def decided(draw: float = 0.5, **variables: str) -> Any:
    """The action that these variables, given without their prefix, lead to."""
    settings = read_environment({f"FAULTLAYER_{name}": text for name, text in variables.items()})
    assert not settings.problems
    assert settings.chooser is not None
    (rule,) = settings.chooser.rules
    action = rule.decide(rule.options, Invocation(b"", b"", lambda: b"{}"), draw)
    assert isinstance(action, Action)
    return action
