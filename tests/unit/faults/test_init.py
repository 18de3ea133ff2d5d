"""INIT: how long a start takes, or how it fails."""

from __future__ import annotations

import pytest

from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import Action, Delay, Fail


def begun(draw: float = 0.5, **options: str) -> Action:
    given = {f"FAULTLAYER_INIT_{name}".removesuffix("_"): text for name, text in options.items()}
    settings = read_environment(given)
    assert not settings.problems
    assert settings.chooser is not None
    (rule,) = settings.chooser.starts
    assert rule.fault.begin is not None
    action = rule.fault.begin(rule.options, draw)
    assert action is not None
    return action


@pytest.mark.parametrize(
    ("text", "draw", "seconds"), [("3s", 0.9, 3), ("1s..2s", 0, 1), ("1s..2s", 0.5, 1.5)]
)
def test_a_duration_is_how_much_longer(text: str, draw: float, seconds: float) -> None:
    action = begun(draw, **{"": text})
    assert isinstance(action, Delay)
    assert action.seconds == seconds


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        (None, "Runtime.InitError", "faultlayer failed the start"),
        ("no such table", "Runtime.InitError", "no such table"),
        ("Runtime.ImportModuleError: No module", "Runtime.ImportModuleError", "No module"),
    ],
)
def test_an_error_says_what_is_asked_for(said: str | None, kind: str, message: str) -> None:
    action = begun(**{"": " Error "}, **({"MESSAGE": said} if said else {}))
    assert isinstance(action, Fail)
    assert (action.error_type, action.message) == (kind, message)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("errors", "is neither error nor a duration"),
        ("-1s", "is neither error nor a duration"),
        ("16m", "is longer than 15m"),
        ("2s..1s", "start is above its end"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    (problem,) = read_environment({"FAULTLAYER_INIT": text}).problems
    assert why in problem.message
    assert "allowed: `error`, or a duration" in problem.message
