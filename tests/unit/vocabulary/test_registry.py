"""What a fault is: its name, its variables, and what it has in common with the others."""

from __future__ import annotations

import pytest

from faultlayer.values.kinds import Duration, Text
from faultlayer.vocabulary.actions import Action
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import NO_EVENT, Fault, Option, Options

MAIN = Option("delay", Duration(), "how long")
OWN = Option("note", Text("any text", "x"), "said beside it", "none")


def nothing(options: Options, draw: float) -> Action | None:
    return None


def test_its_name_is_that_of_its_file_and_its_variables_follow() -> None:
    fault = Fault("faultlayer.faults.tired", order=1, help="it is late", main=MAIN, options=(OWN,))
    assert fault.name == "tired"
    assert list(fault.variables()) == [
        "FAULTLAYER_TIRED",
        "FAULTLAYER_TIRED_NOTE",
        "FAULTLAYER_TIRED_RATE",
        "FAULTLAYER_TIRED_MATCH",
        "FAULTLAYER_TIRED_MAX",
    ]
    assert fault.variables()["FAULTLAYER_TIRED_NOTE"] is OWN
    assert fault.lacks("match") == ""


def test_one_that_hits_starts_has_no_match_and_says_why() -> None:
    fault = Fault("faults.cold", order=1, help="it is cold", main=MAIN, begin=nothing)
    assert "FAULTLAYER_COLD_MATCH" not in fault.variables()
    assert fault.lacks("match") == "; " + NO_EVENT
    assert fault.lacks("other") == ""
    assert fault.decide(Options({}), Invocation(b"", b""), 0.5) is None


def test_options_are_read_by_their_names() -> None:
    options = Options({"delay": 5, "note": None})
    assert (options.delay, options.note) == (5, None)
    with pytest.raises(AttributeError):
        _ = options.other
