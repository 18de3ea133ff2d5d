"""One place of a JSON text changed, and not a byte elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.events.edit import set_path
from faultlayer.events.paths import MISSING, look

ODD = (
    ' {"big" : 12345678901234567890, "huge":1e400 ,"zero":-0.0,"text":"\\u00e9\\/\\ud800 é",\n'
    '"twice":1, "twice" :2,"list":[ 1, {"a" : 1.10} ,3 ],"null":null,"plain":"{}" , "none":{ } } '
)


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        ("big", "5", "12345678901234567890", "5"),
        ("big", None, '"big" : 12345678901234567890, ', ""),
        ("huge", None, ', "huge":1e400', ""),
        ("none", None, '"{}" , "none":{ }', '"{}"'),
        ("twice", "3", '"twice":1, "twice" :2', '"twice":3, "twice" :3'),
        ("twice", None, ',\n"twice":1, "twice" :2', ""),
        ("list.0", '"x"', "[ 1", '[ "x"'),
        ("list.00", '"x"', "[ 1", '[ "x"'),
        ("list.0", None, "1, {", "{"),
        ("list.1", None, ', {"a" : 1.10}', ""),
        ("list.2", None, " ,3", ""),
        ("list.1.a", "[]", "1.10", "[]"),
        ("list.1.b.c", "1", "1.10", '1.10,"b":{"c":1}'),
        ("null.a.b", "1", '"null":null', '"null":{"a":{"b":1}}'),
        ("none.a", "1", "{ }", '{"a":1 }'),
        ("new.a", "1", '{ } }', '{ },"new":{"a":1} }'),
    ],
)  # fmt: skip
def test_only_what_is_meant_changes(path: str, value: str | None, old: str, new: str) -> None:
    assert ODD.count(old) == 1
    assert set_path(ODD, tuple(path.split(".")), value) == ODD.replace(old, new)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *[("missing", None), ("missing.a", None), ("none.a", None), ("null.a", None)],
        *[("list.3", "1"), ("list.-1", "1"), ("list.x", "1"), ("list.3.a", "1"), ("list.9", None)],
        *[("plain.a", "1"), ("big.a", "1"), ("plain.a", None), ("list.99999999999999999999", "1")],
        *[("null", "null"), ("list.1.a", "1.1"), ("none", "{}"), ("zero", "-0.0")],
    ],
)
def test_what_is_not_to_be_had_or_is_so_already_changes_nothing(
    path: str, value: str | None
) -> None:
    assert set_path(ODD, tuple(path.split(".")), value) == ODD


@pytest.mark.parametrize("text", ["5", '"x"', "null", " true ", "[]", "{}", "[ ]", "{ }"])
def test_what_has_no_such_part(text: str) -> None:
    assert set_path(text, ("a", "b"), None) == text
    assert json.loads(set_path(text, ("0",), "1")) in (json.loads(text), {"0": 1})


def test_all_removed() -> None:
    assert set_path('{"a":1,"a":2}', ("a",), None) == "{}"
    assert set_path("[[1]]", ("0", "0"), None) == "[[]]"


def test_headers_are_found_whatever_their_case_and_nothing_else_is() -> None:
    event = '{"headers":{"X-A":"1","x-a":"2"},"Headers":{"X-A":"1"},"multiValueHeaders":{"X-A":[]}}'
    changed = json.loads(set_path(event, ("headers", "x-A"), None))
    assert changed == {"headers": {}, "Headers": {"X-A": "1"}, "multiValueHeaders": {"X-A": []}}
    assert json.loads(set_path(event, ("multiValueHeaders", "x-a"), "1"))["multiValueHeaders"] == {
        "X-A": 1
    }
    changed = json.loads(set_path(event, ("Headers", "x-a"), "2"))
    assert changed["Headers"] == {"X-A": "1", "x-a": 2}


NAMES = st.sampled_from(["a", "b", "0", "1", "headers", "é", ""])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)


@given(JSON, st.lists(NAMES.filter(bool), min_size=1, max_size=3), JSON, st.sampled_from([0, 2]))
def test_it_is_what_the_value_would_be(value: Any, path: list[str], new: Any, indent: int) -> None:
    text = json.dumps(value, indent=indent or None, ensure_ascii=bool(indent))
    where = tuple(path)
    after = json.loads(set_path(text, where, json.dumps(new, separators=(",", ":"))))
    if after != value:
        assert look(after, where) == new
    removed = json.loads(set_path(text, where, None))
    if removed == value:
        assert look(value, where) is MISSING
    elif not isinstance(look(value, where[:-1]) if where[:-1] else value, list):
        assert look(removed, where) is MISSING
