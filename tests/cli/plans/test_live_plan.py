"""A live plan in words: what holds for all rules, and each rule."""

from __future__ import annotations

import json

from faultlayer_cli.plans.live_plan import describe
from faultlayer_cli.plans.place import SSM, Found, Place
from faultlayer_cli.plans.state import PlanState

PLACE = Place(SSM, "/chaos/orders")


def test_rules_have_what_they_say_and_what_the_plan_says_for_all() -> None:
    plan = {
        "faults": [
            {"fault": "latency", "delay": "300ms", "rate": 0.2},
            {"fault": "status", "code": 503, "match": "path=/orders", "max": 3},
            {"fault": "nonsense"},
        ],
        "rate": "50%",
        "seed": 7,
        "end": "2031-01-31T17:00:00Z",
    }
    found = describe(PLACE, Found(json.dumps(plan), "a note"))
    assert (found.place, found.note, found.state) == (PLACE, "a note", PlanState.ARMED)
    assert found.settings["seed"] == "7"
    assert set(found.times) == {"end"}
    latency, status = found.rules
    assert (latency.fault, latency.options["delay"], latency.options["when"]) == (
        "latency",
        "300ms",
        "before",
    )
    assert float(latency.common["rate"] or 0) == 0.2
    assert float(status.common["rate"] or 0) == 0.5, "the plan's own"
    assert (status.common["max"], latency.common["max"]) == ("3", None)
    assert status.common["match"] == '{"path":{"equals":"/orders"}}'
    (problem,) = found.problems
    assert problem.startswith("faults[2].fault is not a fault")


def test_one_that_is_wrong_has_no_rules_and_says_why() -> None:
    found = describe(PLACE, Found("{"))
    assert (found.state, found.rules) == (PlanState.WRONG, ())
    assert found.problems
