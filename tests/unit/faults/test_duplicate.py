"""DUPLICATE: what it asks for, and what is refused."""

from __future__ import annotations

import pytest

from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import BEFORE, Repeat
from faultlayer.vocabulary.invocation import Invocation


@pytest.mark.parametrize("text", ["1", "11", "0", "-2", "2.5", "two"])
def test_what_is_refused(text: str) -> None:
    (problem,) = read_environment({"FAULTLAYER_DUPLICATE": text}).problems
    assert problem.message.endswith("allowed: a whole number from 2 to 10")


@pytest.mark.parametrize("times", [2, 10])
def test_how_often(times: int) -> None:
    chooser = read_environment({"FAULTLAYER_DUPLICATE": str(times)}).chooser
    assert chooser is not None
    (rule,) = chooser.rules
    action = rule.decide(rule.options, Invocation(b"", b""), 0.5)
    assert isinstance(action, Repeat)
    assert (action.times, action.when, action.numbers) == (times, BEFORE, {"times": times})
