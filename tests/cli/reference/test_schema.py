"""The schema for editors: it and the extension's own reader agree on what a plan is."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from cli_support import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultlayer.faults import all_faults
from faultlayer.settings import plan
from faultlayer.vocabulary.registry import GLOBALS, PLANNED
from faultlayer_cli.reference import schema

SCHEMA = schema.schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
FAULTS = all_faults()
OPTIONS = [(fault, option) for fault in FAULTS for option in fault.variables().values()]
COMMON = {option.name.lower(): option for option in GLOBALS if option.name in PLANNED}


def good(fault: Any, **fields: Any) -> dict[str, Any]:
    rule = {"fault": fault.name, fault.main.name: fault.main.kind.example, **fields}
    return {"faults": [rule]}


def refused(document: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_page_is_what_the_registry_says() -> None:
    assert (ROOT / "docs/plan.schema.json").read_text() == schema.page(), "make docs writes it"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_example_of_every_fault_is_a_plan(fault: Any) -> None:
    assert not refused(good(fault))
    assert not refused({"faults": [good(fault)["faults"][0]] * 3})


def default_of(option: Any) -> Any:
    """The default as a plan may have it: as it is if that is JSON, else as a text."""
    try:
        json.dumps(option.default)
    except TypeError:
        return option.kind.show(option.default)
    return option.default


@pytest.mark.parametrize(("fault", "option"), OPTIONS, ids=lambda value: value.name)
def test_every_option_as_users_write_it(fault: Any, option: Any) -> None:
    kind = option.kind
    for value in (kind.example, kind.show(kind.parse(kind.example)), *getattr(kind, "words", ())):
        document = good(fault, **{option.name: value})
        assert not plan.read(document).problems
        assert not refused(document)
    if option.default is not None:
        assert not refused(good(fault, **{option.name: default_of(option)}))


@pytest.mark.parametrize(("fault", "option"), OPTIONS, ids=lambda value: value.name)
def test_a_wrong_type_of_every_option(fault: Any, option: Any) -> None:
    for value in (None, [], True, {"": []}):
        document = good(fault, **{option.name: value})
        assert plan.read(document).problems
        assert refused(document), value


@pytest.mark.parametrize("name", COMMON)
def test_what_holds_for_all_rules(name: str) -> None:
    document = {name: COMMON[name].kind.example}
    assert not refused(document)
    for value in (None, [], {"": []}):
        assert plan.read({name: value}).problems
        assert refused({name: value})


def test_the_contracts_own_example() -> None:
    document = {
        "$schema": "docs/plan.schema.json",
        "faults": [
            {
                "fault": "latency",
                "delay": "100ms..400ms",
                "rate": 0.2,
                "when": "before",
                "match": {
                    "requestContext.http.method": "GET",
                    "headers.x-chaos": {"exists": True},
                },
            },
            {"fault": "status", "code": 503, "rate": "5%"},
        ],
        "seed": 7,
        "dry_run": False,
        "disabled": False,
        "end": "2027-01-31T17:00:00Z",
    }
    assert not plan.read(document).problems
    assert not refused(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        {"faults": {}},
        {"faults": [{}]},
        {"faults": [{"fault": "none"}]},
        {"faults": [{"fault": "latency"}]},
        {"faults": [{"fault": "latency", "delay": "soon"}]},
        {"faults": [{"fault": "latency", "delay": "1h"}]},
        {"faults": [{"fault": "latency", "delay": -1}]},
        {"faults": [{"fault": "latency", "delay": 900_001}]},
        {"faults": [{"fault": "latency", "delay": 1, "code": 503}]},
        {"faults": [{"fault": "latency", "delay": 1, "when": "later"}]},
        {"faults": [{"fault": "latency", "delay": 1, "rate": 1.1}]},
        {"faults": [{"fault": "latency", "delay": 1, "rate": "most"}]},
        {"faults": [{"fault": "latency", "delay": 1, "max": -1}]},
        {"faults": [{"fault": "status", "code": 99}]},
        {"faults": [{"fault": "status", "code": "5xx"}]},
        {"faults": [{"fault": "status", "code": 503, "headers": {"a b": "c"}}]},
        {"faults": [{"fault": "status", "code": 503, "headers": {"a": None}}]},
        {"faults": [{"fault": "status", "code": 503}] * 257},
        {"match": {}},
        {"match": {"a": {}}},
        {"match": {"a": []}},
        {"match": {"a": {"suffix": "b"}}},
        {"match": {"a": {"in": []}}},
        {"match": {"a": {"exists": "yes"}}},
        {"match": {"": 1}},
        {"end": "tomorrow"},
        {"end": "2027-01-31"},
        {"end": "2027-01-31T17:00:00"},
        {"ends": "2027-01-31T17:00:00Z"},
        {"seed": 7.5},
        {"dry_run": "perhaps"},
    ],
    ids=lambda value: str(value)[:50],
)
def test_both_refuse(document: Any) -> None:
    assert plan.read(document if isinstance(document, dict) else json.dumps(document)).problems
    assert refused(document)


# -- whatever is written ----------------------------------------------------------------------

TEXTS = st.one_of(
    st.sampled_from(
        ["1s", " .5 m ", "100ms..400ms", "20%", " 7", "503", "BEFORE", "after ", "Yes", "off", "0"]
        + ["a.b=1", "2027-01-31t17:00Z", "2027-01-31 17:00:00,5+0100", "truncate", '{"a":"b"}', ""]
    ),
    st.text(" 0123456789.ms%:-TZ+", max_size=8),
    st.text(max_size=5),
)
SCALARS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-5, 1000), st.floats())
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=2),
    st.dictionaries(
        st.sampled_from(["a", "a.b", "x-a", "equals", "in", "exists", "prefix", ""]),
        st.one_of(
            SCALARS,
            st.dictionaries(
                st.sampled_from(["equals", "prefix", "exists", "in"]),
                st.one_of(SCALARS, st.lists(SCALARS, max_size=2)),
                max_size=2,
            ),
        ),
        max_size=2,
    ),
)


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    fault = draw(st.sampled_from(FAULTS))
    names = [option.name for option in fault.variables().values()]
    document = good(fault, **draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=2)))
    document |= draw(st.dictionaries(st.sampled_from([*COMMON]), VALUES, max_size=2))
    return document


@given(plans())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_editor_accepts_whatever_the_extension_accepts(document: dict[str, Any]) -> None:
    if not plan.read(document).problems:
        assert not refused(document)
