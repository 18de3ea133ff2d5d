"""Settings of the variables and of a plan, merged; and the problems of a plan as it is read."""

from __future__ import annotations

import pytest

from faultlayer.settings.draft import Plan, Reading, Settings
from faultlayer.vocabulary.registry import GLOBALS


def test_a_mistake_in_what_limits_all_rules_stops_the_plan() -> None:
    reading = Reading()
    reading.refuse("faults[0].rate", "is no rate", limiting=False)
    assert not Plan(reading).stopped
    reading.refuse("end", "is no time")
    assert Plan(reading).stopped
    assert [problem.said() for problem in Plan(reading).problems] == [
        "faults[0].rate is no rate",
        "end is no time; nothing is injected",
    ]


def test_what_is_wrong_with_all_of_it_names_no_field() -> None:
    reading = Reading()
    reading.refuse("", "is not JSON")
    assert reading.problems[0].said() == "is not JSON; nothing is injected"


def test_the_variables_win_and_the_plan_fills_in() -> None:
    merged = Settings({"RATE": 0.0, "DRY_RUN": False}).over(
        Settings({"RATE": 0.5, "DRY_RUN": True, "SEED": "7", "END": 1.0})
    )
    assert (merged.rate, merged.dry_run, merged.seed, merged.end) == (0.0, False, "7", 1.0)
    assert merged.start is None


def test_every_setting_is_named_after_a_variable() -> None:
    assert {name.upper() for name in Settings.__slots__} <= {option.name for option in GLOBALS}


def test_defaults_are_those_that_the_reference_shows() -> None:
    nothing = Settings({})
    shown = {option.name.lower(): option.default for option in GLOBALS}
    for name in Settings.__slots__:
        assert getattr(nothing, name) == shown[name], name


@pytest.mark.parametrize(
    ("start", "end", "none"),
    [
        (None, None, False),
        (1.0, None, False),
        (1.0, 2.0, False),
        (2.0, 2.0, True),
        (2.0, 1.0, True),
    ],
)
def test_a_window_without_time(start: float | None, end: float | None, none: bool) -> None:
    given = {"START": start, "END": end}
    assert Settings({k: v for k, v in given.items() if v is not None}).ends_before_start == none
