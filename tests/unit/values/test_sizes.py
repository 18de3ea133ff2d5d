"""Sizes and amounts as users write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.values.kinds import Rate, duration
from faultlayer.values.sizes import Amount, show

MOST = 10 << 30
AMOUNT = Amount(MOST)
UNITS = {"": 0, "B": 0, "KB": 10, "MB": 20, "GB": 30}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100MB", (False, 100 << 20)),
        ("1.5GB", (False, 3 << 29)),
        (" 64 kb ", (False, 64 << 10)),
        ("1KB", (False, 1 << 10)),
        ("1024", (False, 1 << 10)),
        (4096, (False, 4096)),
        ("10GB", (False, MOST)),
        ("free:10MB", (True, 10 << 20)),
        ("free:0", (True, 0)),
        (" FREE: 1 KB", (True, 1 << 10)),
        ("free:10GB", (True, MOST)),
    ],
)
def test_amounts(text: Any, value: tuple[bool, int]) -> None:
    assert AMOUNT.parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "0MB",
        "10TB",
        "10.1GB",
        "-1",
        "free",
        "free:",
        "free",
        ":1MB",
        "free:1TB",
        "1e3",
    ]
    + ["free:-1", "free:10.1GB", "free:free:1MB", "left:1MB", "half", "50%", "1..2", "9" * 500]
    + [0, -1, True, None, [], {}, 1e400, float("nan"), 10**400, "free:" + "9" * 500, "١MB"],
)
def test_no_amounts(text: Any) -> None:
    with pytest.raises(ValueError) as caught:
        AMOUNT.parse(text)
    assert len(str(caught.value)) < 60


def test_what_is_allowed_is_said_with_the_bounds() -> None:
    assert AMOUNT.allowed.startswith("a size from 1KB to 10GB such as 100MB, or free:")
    assert AMOUNT.parse(AMOUNT.example) == (False, 100 << 20)


@given(st.booleans(), st.integers(0, MOST))
def test_what_is_shown_is_read_as_the_same(free: bool, size: int) -> None:
    value = (free, size if free else max(size, 1 << 10))
    assert AMOUNT.parse(AMOUNT.show(value)) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        *[(text, "64 bytes: 64KB or 64MB?") for text in ("64", " 64 ", 64, 64.0)],
        ("free:64", "64 bytes: 64B or 64KB or 64MB?"),
        ("0.5", "0.5 bytes: 0.5MB?"),
    ],
)
def test_a_forgotten_unit_is_asked_for(value: Any, message: str) -> None:
    """Each value that the question proposes is accepted."""
    with pytest.raises(ValueError) as refused:
        AMOUNT.parse(value)
    assert str(refused.value) == f"has no unit, and would be {message}"
    for answer in message.rpartition(": ")[2].rstrip("?").split(" or "):
        AMOUNT.parse(("free:" if value == "free:64" else "") + answer)


@pytest.mark.parametrize(
    ("kind", "parse"),
    [("a duration", duration), ("a rate", Rate().parse), ("a size", AMOUNT.parse)],
)
@pytest.mark.parametrize("text", ["1,5", "1,000"])
def test_a_decimal_comma_is_named(kind: str, parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert str(refused.value) == f"is not {kind}: a fraction has a point, not a comma"


@given(st.integers(1, 1 << 50), st.sampled_from(sorted(UNITS)), st.booleans())
def test_a_size_is_within_the_bounds_or_refused(number: int, unit: str, free: bool) -> None:
    size = number << UNITS[unit]
    text = ("free:" if free else "") + f"{number}{unit}"
    if not unit and number < 1024:
        with pytest.raises(ValueError, match=f"would be {number} bytes: .*{number}MB[?]"):
            AMOUNT.parse(text)
    elif (0 if free else 1024) <= size <= MOST:
        assert AMOUNT.parse(text) == (free, size)
    else:
        with pytest.raises(ValueError, match="is outside"):
            AMOUNT.parse(text)


@given(st.text("free:0123456789.KMGTB -", max_size=16))
def test_whatever_is_written_is_refused_or_an_amount(text: str) -> None:
    try:
        free, size = AMOUNT.parse(text)
    except ValueError:
        return
    assert (0 if free else 1024) <= size <= MOST
    assert free == ("free:" in text)


@given(st.integers(1, 1 << 45))
def test_the_largest_unit_that_is_exact(size: int) -> None:
    text = show(size)
    digits = text.rstrip("KMGB")
    assert int(digits) << UNITS[text[len(digits) :]] == size
