"""One rule of a plan: every mistake is named by its field, with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from faultlayer.jsontext import loads_careful
from faultlayer.settings.draft import Plan, Reading
from faultlayer.settings.rule_reader import named, read_rule


def read(rule: Any) -> Plan:
    reading = Reading()
    read_rule(reading, "faults[0]", rule)
    return Plan(reading)


def test_a_rule_is_a_fault_with_all_its_options() -> None:
    plan = read({"fault": "latency", "delay": "1s", "rate": 0.5})
    assert not plan.problems
    ((fault, values),) = plan.drafts
    assert fault.name == "latency"
    assert values is not None
    assert (values["delay"], values["rate"], values["when"]) == ((1.0, 1.0), 0.5, "before")


@pytest.mark.parametrize(
    ("rule", "field", "message"),
    [
        ([], "faults[0]", "is not an object"),
        ("latency", "faults[0]", "is not an object"),
        ({}, "faults[0].fault", "is missing"),
        ({"fault": "latenci"}, "faults[0].fault", "is not a fault"),
        ({"fault": 5}, "faults[0].fault", "is not a fault"),
        ({"fault": "latency"}, "faults[0].delay", "is missing; allowed: "),
        ({"fault": "latency", "delay": "soon"}, "faults[0].delay", "allowed: "),
        ({"fault": "latency", "delay": 1, "wehn": "after"}, "faults[0].wehn", "is not a field"),
        ({"fault": "init", "how": "1s", "match": {"a": 1}}, "faults[0].match", "no event"),
    ],
    ids=str,
)
def test_a_mistake_is_named_and_turns_this_rule_alone_off(
    rule: Any, field: str, message: str
) -> None:
    plan = read(rule)
    (problem,) = plan.problems
    assert problem.field == field
    assert message in problem.message
    assert not plan.stopped
    assert [values for _, values in plan.drafts] in ([], [None])


def test_a_slip_of_the_keyboard_gets_a_suggestion() -> None:
    (problem,) = read({"fault": "latenci", "delay": 1}).problems
    assert "latency" in problem.message.partition("allowed:")[0]


def test_a_field_that_is_given_twice_is_named() -> None:
    text = '{"fault":"latency","delay":1,"match":{"a":{"equals":1,"equals":2}}}'
    fields = [problem.field for problem in read(loads_careful(text)).problems]
    assert "faults[0].match.a.equals" in fields


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "\u00e9", "a\n"])
def test_a_name_that_no_field_has_is_not_repeated(name: str) -> None:
    assert named("faults[0]", name) == "faults[0].(a member)"
    assert named("", "seed") == "seed"
