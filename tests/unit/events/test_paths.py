"""Paths into an event, as they are written and as they are followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.events.paths import MISSING, look, parts_of, split, unescaped

EVENT = {
    "headers": {"X-Chaos": "on", "x-b": {"C": 1}},
    "records": [{"id": 1}, [2, 3]],
    "a.b": {"": 5, "c,d=": 6},
    "0": "a name",
    "none": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("headers.x-chaos", "on"),
        ("headers.X-B.C", 1),
        ("headers.x-b.c", MISSING),
        ("records.0.id", 1),
        ("records.1.1", 3),
        ("records.2", MISSING),
        ("records.-1", MISSING),
        ("records.id", MISSING),
        ("records.9999999999", MISSING),
        ("records.\u0661", MISSING),
        ("a\\.b.c\\,d\\=", 6),
        ("0", "a name"),
        ("none", None),
        ("none.a", MISSING),
        ("records.0.id.a", MISSING),
        ("Records", MISSING),
    ],
)
def test_what_is_there(path: str, found: object) -> None:
    assert look(EVENT, parts_of(path)) is found or look(EVENT, parts_of(path)) == found


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "an empty part"),
        ("a..b", "an empty part"),
        (".a", "an empty part"),
        ("a.", "an empty part"),
        (".".join("a" * 33), "more than 32 parts"),
        ("a" * 513, "longer than 512 characters"),
    ],
)
def test_what_is_no_path(path: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parts_of(path)
    assert parts_of(".".join("a" * 32)) == ("a",) * 32


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6))
def test_any_names_can_be_written(names: list[str]) -> None:
    written = ".".join(
        "".join("\\" + letter if letter in "\\.,=" else letter for letter in name) for name in names
    )
    assert parts_of(written) == tuple(names)


def test_marks_that_are_escaped_do_not_split() -> None:
    assert split("a=b=c", "=", 1) == ["a", "b=c"]
    assert split("a\\=b=c", "=") == ["a\\=b", "c"]
    assert split("", ",") == [""]
    assert unescaped("a\\.b\\nc\\") == "a.b\\nc\\"
