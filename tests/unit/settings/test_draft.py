"""A plan as it is read: its problems, and what they stop."""

from __future__ import annotations

import pytest

from faultlayer.settings.draft import Plan, ends_before_start


def test_a_mistake_in_what_limits_all_rules_stops_the_plan() -> None:
    plan = Plan()
    plan.refuse("faults[0].rate", "is no rate", limiting=False)
    assert not plan.stopped
    plan.refuse("end", "is no time")
    assert plan.stopped
    assert [problem.said() for problem in plan.problems] == [
        "faults[0].rate is no rate",
        "end is no time; nothing is injected",
    ]


def test_what_is_wrong_with_all_of_it_names_no_field() -> None:
    plan = Plan()
    plan.refuse("", "is not JSON")
    assert plan.problems[0].said() == "is not JSON; nothing is injected"


@pytest.mark.parametrize(
    ("window", "empty"),
    [
        ({}, False),
        ({"START": 5.0}, False),
        ({"END": 5.0}, False),
        ({"START": 5.0, "END": 6.0}, False),
        ({"START": 5.0, "END": 5.0}, True),
        ({"START": 6.0, "END": 5.0}, True),
        ({"START": None, "END": 0.0}, False),
    ],
)
def test_a_window_that_leaves_no_time(window: dict[str, float | None], empty: bool) -> None:
    assert ends_before_start(window) is empty
