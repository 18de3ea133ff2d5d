"""Plans as users write them, mistakes included: what works on, what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.faults import all_faults
from faultlayer.settings.draft import Plan
from faultlayer.settings.plan import read
from faultlayer.vocabulary.registry import GLOBALS, PLANNED
from unit.settings.config_read import settings_of

CONTRACT = """{"faults": [{"fault": "latency", "delay": "100ms..400ms", "rate": 0.2,
             "when": "before",
             "match": {"requestContext.http.method": "GET", "headers.x-chaos": {"exists": true}}},
            {"fault": "status", "code": 503, "rate": "5%"}],
 "seed": 7, "dry_run": false, "disabled": false, "end": "2027-01-31T17:00:00Z"}"""
NOISE = "\x01%é;{['\"hunter2" * 300


def the_problem(found: Plan) -> tuple[str, str]:
    assert len(found.problems) == 1, [problem.said() for problem in found.problems]
    return found.problems[0].field, found.problems[0].message


def rule(**fields: Any) -> dict[str, Any]:
    return {"faults": [{"fault": "latency", "delay": "1s", **fields}]}


def test_the_contracts_own_example() -> None:
    found = read(CONTRACT)
    assert not found.problems
    (late, late_values), (status, status_values) = found.drafts
    assert (late.name, status.name) == ("latency", "status")
    assert late_values is not None
    assert status_values is not None
    assert (late_values["delay"], late_values["rate"]) == ((0.1, 0.4), 0.2)
    assert late_values["match"].show() == (
        '{"requestContext.http.method":{"equals":"GET"},"headers.x-chaos":{"exists":true}}'
    )
    assert (status_values["code"], status_values["rate"]) == (503, 0.05)
    assert (late_values["max"], status_values["match"]) == (None, None)
    assert settings_of(found) == {
        "SEED": "7",
        "DRY_RUN": False,
        "DISABLED": False,
        "END": 1801414800.0,
    }
    assert not found.stopped


def test_bytes_text_and_objects_are_one() -> None:
    for given_ in (CONTRACT, CONTRACT.encode(), json.loads(CONTRACT), "\ufeff" + CONTRACT):
        assert len(read(given_).drafts) == 2


@pytest.mark.parametrize("given_", ["{}", '{"faults":[]}', '{"$schema":"x","disabled":true}'])
def test_an_empty_plan_is_one(given_: str) -> None:
    found = read(given_)
    assert (found.problems, found.drafts, found.stopped) == ([], [], False)


@pytest.mark.parametrize(
    ("given_", "field", "said"),
    [
        (rule(delay="soon"), "faults[0].delay", "300ms"),
        (rule(delay=None), "faults[0].delay", "300ms"),
        (rule(rate=2), "faults[0].rate", "0% to 100%"),
        (rule(rate="20 percent"), "faults[0].rate", "0% to 100%"),
        (rule(max=1.5), "faults[0].max", "whole number"),
        (rule(when="later"), "faults[0].when", "before, after"),
        (rule(wehn="after"), "faults[0].wehn", "did you mean when?; allowed: delay, when, rate"),
        (rule(WHEN="after"), "faults[0].WHEN", "allowed: delay, when, rate, match, max"),
        (rule(match={}), "faults[0].match", "at least one member"),
        (rule(match={"a": {"suffix": "b"}}), "faults[0].match", "condition 1"),
        ({"faults": [{"fault": "latency"}]}, "faults[0].delay", "is missing; allowed: a duration"),
        ({"faults": [{"delay": "1s"}]}, "faults[0].fault", "is missing; allowed: "),
        ({"faults": [{"fault": "latenci"}]}, "faults[0].fault", "did you mean latency?"),
        ({"faults": [{"fault": "LATENCY"}]}, "faults[0].fault", "is not a fault"),
        ({"faults": [{"fault": 5}]}, "faults[0].fault", "is not a fault"),
        ({"faults": [{"fault": "../log"}]}, "faults[0].fault", "is not a fault"),
        ({"faults": ["latency"]}, "faults[0]", "is not an object"),
        ({"faults": [None]}, "faults[0]", "is not an object"),
        (rule(**{NOISE: 1}), "faults[0].(a member)", "is not a field of this fault"),
        ('{"faults":[{"fault":"latency","delay":1,"delay":2}]}', "faults[0].delay", "more than"),
        (
            '{"faults":[{"fault":"headers","headers":{"a":"b","a":"c"}}]}',
            "faults[0].headers.a",
            "more than once",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_rule_is_off_and_the_others_work(given_: Any, field: str, said: str) -> None:
    document = given_ if isinstance(given_, str) else json.dumps(given_)
    found = read(document)
    told = [problem.field for problem in found.problems]
    assert told[0] == field
    assert said in found.problems[0].message
    assert "nothing is injected" not in found.problems[0].said()
    assert not found.stopped
    assert not [values for _, values in found.drafts if values is not None]
    good = json.loads(document)
    good["faults"].append({"fault": "status", "code": 503})
    if not isinstance(given_, str):
        assert [fault.name for fault, values in read(good).drafts if values] == ["status"]


def test_a_line_break_at_the_end_belongs_to_bodies_alone() -> None:
    """YAML's `|` leaves one. A plan, unlike a variable, can say a body as it is to be."""
    kept = []
    for fault in all_faults():
        for option in fault.variables().values():
            values = []
            for end in ("", "\n"):
                rule = {fault.main.name: fault.main.kind.example}
                rule[option.name] = option.kind.example + end
                ((_, options),) = read({"faults": [{"fault": fault.name, **rule}]}).drafts
                assert options is not None
                values.append(option.kind.show(options[option.name]))
            if values[0] != values[1]:
                kept.append((fault.name, option.name))
    assert kept == [("status", "body"), ("corruption", "body")]


@pytest.mark.parametrize(
    ("given_", "field", "said"),
    [
        ("", "", "is empty; allowed: a JSON object of faults,"),
        ("x", "", "is not JSON: line 1, column 1: expecting value; allowed: a JSON object of"),
        ('{\n"seed":7', "", "is not JSON: line 2, column 9: expecting ',' delimiter"),
        ('{"seed":7} x', "", "is not JSON: line 1, column 12: extra data"),
        ("[]", "", "is not a JSON object"),
        ("null", "", "is not a JSON object"),
        (b"\xff", "", "is not text in UTF-8 or UTF-16"),
        ("\udc80", "", "is not UTF-8"),
        ("[" * 100_000, "", "nested too deeply"),
        ('{"match":' + '{"a":' * 100 + "1" + "}" * 101, "", "nested too deeply"),
        ('{"faults":[' + "[" * 100 + "]" * 100 + "]}", "faults[0]", "is not an object"),
        (" " * 300_000, "", "longer than 256 KB"),
        ('{"faults":{}}', "faults", "is not a list"),
        ('{"faults":null}', "faults", "is not a list"),
        (json.dumps({"faults": [{}] * 257}), "faults", "more than 256 rules"),
        ('{"rate":2}', "rate", "is above 1, which is 100%"),
        ('{"rate":null}', "rate", "is not a rate"),
        ('{"seed":null}', "seed", "is not text"),
        ('{"seed":7.5}', "seed", "is not text"),
        ('{"seed":true}', "seed", "is not text"),
        ('{"dry_run":"maybe"}', "dry_run", "neither true nor false"),
        ('{"disabled":5}', "disabled", "neither true nor false"),
        ('{"match":[]}', "match", "is not"),
        ('{"end":"2027-01-31"}', "end", "without a time"),
        ('{"end":1801414800}', "end", "is not a time"),
        ('{"start":"2027-01-31T17:00"}', "start", "without a zone"),
        (
            '{"start":"2027-01-31T17:00Z","end":"2027-01-31T18:00+01:00"}',
            "end",
            "is not after start",
        ),
        ('{"ends":"2027-01-31T17:00Z"}', "ends", "did you mean end?; allowed: faults,"),
        ('{"DISABLED":true}', "DISABLED", "is not a field of a plan"),
        ('{"port":9747}', "port", "is not a field of a plan"),
        ('{"":1}', "(a member)", "is not a field of a plan"),
        ('{"rate":1,"rate":1}', "rate", "more than once"),
        ('{"faults":[],"faults":[]}', "faults", "more than once"),
        ('{"match":{"a":1,"a":2}}', "match.a", "more than once"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_limits_all_stops_all_where_it_is_wrong(given_: Any, field: str, said: str) -> None:
    found = read(given_)
    if field != "faults[0]":
        assert found.stopped
        assert "nothing is injected" in found.problems[0].said()
    told, message = the_problem(found)
    assert told == field
    assert said in message


def test_no_message_repeats_a_value_or_is_long() -> None:
    for field in ("seed", "rate", "match", "end", "disabled", NOISE):
        for value in (NOISE, {NOISE: NOISE}, [NOISE], {"a": {NOISE: NOISE}}):
            for problem in read({field: value}).problems:
                assert "hunter2" not in problem.said()
                assert problem.said().isprintable()
                assert len(problem.said()) < 500


def test_every_global_of_the_contract_can_be_said_in_a_plan() -> None:
    named = {option.name for option in GLOBALS}
    assert set(PLANNED) <= named
    others = {"PLAN", "POLL", "PORT", "RUNTIME_API", "NEXT_WRAPPER", "REDIRECT", "METRICS"}
    assert named - set(PLANNED) == others
    for option in GLOBALS:
        if option.name in PLANNED:
            found = read({option.name.lower(): option.kind.example})
            assert not found.problems
            assert list(settings_of(found)) == [option.name]


# -- whatever is written ----------------------------------------------------------------------

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["1s", "20%", "before", "a.b=1", "2027-01-31T17:00Z", "truncate"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)
OPTIONS = sorted({o.name for fault in all_faults() for o in fault.variables().values()})
RULES = st.one_of(
    VALUES,
    st.builds(
        lambda name, fields: {"fault": name, **fields},
        st.sampled_from([fault.name for fault in all_faults()]),
        st.dictionaries(st.sampled_from(OPTIONS), VALUES, max_size=4),
    ),
)
PLANS = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from([name.lower() for name in PLANNED]), VALUES, max_size=3),
    st.builds(lambda rules: {"faults": rules}, st.lists(RULES, max_size=3)),
)


@given(PLANS)
def test_no_plan_is_a_traceback(document: Any) -> None:
    text = json.dumps(document)
    found = read(text)
    for problem in found.problems:
        assert problem.said().isprintable()
        assert len(problem.said()) < 700
    assert found.stopped == any(problem.limiting for problem in found.problems)
    if isinstance(document, dict):
        again = read(json.loads(text))
        assert [p.said() for p in again.problems] == [p.said() for p in found.problems]


@given(st.text(max_size=40))
def test_no_text_is_a_traceback(text: str) -> None:
    assert isinstance(read(text), Plan)
