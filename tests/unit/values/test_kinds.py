"""Values as users write them: what the contract shows is read, the rest refused in plain words."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from faultlayer.values.error_message import ErrorMessage
from faultlayer.values.kinds import (
    Choice,
    Duration,
    DurationRange,
    Flag,
    HeaderSet,
    Kind,
    Rate,
    Several,
    Text,
    Whole,
)

KINDS: list[Kind] = [
    Duration(),
    DurationRange(),
    Rate(),
    Whole(100, 599, "503"),
    Whole(0, 10**9),
    Choice("before", "after"),
    Flag(),
    Text("any text", "x"),
    Text("any text", "x", empty=True),
    HeaderSet(remove=True),
    HeaderSet(remove=False),
    ErrorMessage(),
]
BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
NOISE = "\x01\u00e9\U0001f600{[\"'%;..ms" * 300  # more than 4 KB

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(10**400)
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
WRITTEN = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(), max_size=10),  # lone surrogates too
    st.text("0123456789.%ms +-_eE..,\t", max_size=12),
    st.sampled_from(["nan", "inf", "-0", "1e3", "١s", "1_000", "0x10", "９", "true ", "²", "½"]),
    st.sampled_from(["{}", "[]", "null", "0", '{"a":1e999}', '{"a":NaN}', "[" * 100_000]),
    JSON_VALUES.map(lambda value: json.dumps(value, default=str)[:200]),
    st.just("9" * 5000),
    st.just(NOISE),
)


def refusal(kind: Kind, value: Any) -> str:
    with pytest.raises(ValueError) as caught:
        kind.parse(value)
    return str(caught.value)


# -- the contract's own examples --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300ms", 0.3),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("300", 0.3),
        ("0", 0.0),
        ("0ms", 0.0),
        ("15m", 900.0),
        (" 300 ms ", 0.3),
        (".5s", 0.5),
        (300, 0.3),
        (1.5, 0.0015),
        (0.25, 0.00025),
    ],
)
def test_durations(text: Any, seconds: float) -> None:
    assert Duration().parse(text) == seconds
    assert DurationRange().parse(text) == (seconds, seconds)


@pytest.mark.parametrize(
    "text",
    ["soon", "", " ", "-1", "-1s", "1e3", "1.2.3", "s", "ms", "300 MS", "1h", "1_000", "+5", "nan"]
    + ["inf", "١s", "5s5s", "900001", "16m", "901s", "9" * 5000, True, None, [], {}, -1, 1e400]
    + [float("nan"), 10**400, -(10**400), "100ms..200ms"],
)
def test_no_durations(text: Any) -> None:
    assert refusal(Duration(), text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("100ms..400ms", 0.1, 0.4), ("1s .. 2m", 1, 120), ("5..5", 0.005, 0.005), ("0..1s", 0, 1)],
)
def test_ranges(text: str, low: float, high: float) -> None:
    assert DurationRange().parse(text) == (low, high)


@pytest.mark.parametrize(
    "text", ["..", "1..", "..1", "2s..1s", "1...5", "1..2..3", "0..16m", "a..b"]
)
def test_no_ranges(text: str) -> None:
    assert refusal(DurationRange(), text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("0.2", 0.2), ("20%", 0.2), ("0", 0), ("1", 1), ("100%", 1), ("0%", 0), (" 5 % ", 0.05)]
    + [(1, 1.0), (0, 0.0), (0.25, 0.25), ("33.3%", 0.333)],
)
def test_rates(text: Any, rate: float) -> None:
    assert Rate().parse(text) == pytest.approx(rate, abs=1e-15)


@pytest.mark.parametrize(
    "text",
    ["120%", "1.01", "-0.1", "", "%", "twenty", "20 percent", "1e-3", "20%%", True, None, -1, 2]
    + [float("nan"), float("inf"), 10**400, "9" * 5000, "9" * 5000 + "%"],
)
def test_no_rates(text: Any) -> None:
    assert refusal(Rate(), text)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("20", ": 20%?"),
        (20, ": 20%?"),
        ("2.5", ": 2.5%?"),
        ("100", ": 100%?"),
        ("101", ""),
        ("120%", ""),
    ],
)
def test_a_forgotten_percent_sign_is_asked_for(text: Any, asked: str) -> None:
    assert refusal(Rate(), text) == f"is above 1, which is 100%{asked}"


@pytest.mark.parametrize("text", ["100", "599", 100, " 503 ", "0503"])
def test_whole_numbers(text: Any) -> None:
    assert Whole(100, 599).parse(text) == int(text)


@pytest.mark.parametrize(
    "text",
    [
        "99",
        "600",
        "999",
        "-100",
        "+100",
        "100.0",
        100.0,
        True,
        None,
        "",
        "1e2",
        "١٠٠",
        "²",
        "9" * 5000,
    ]
    + [10**400],
)
def test_no_whole_numbers(text: Any) -> None:
    assert refusal(Whole(100, 599), text)


def test_several_words_are_a_list_of_the_allowed_ones() -> None:
    kind = Several("hosts", "s3")
    assert kind.parse(" Hosts ,s3,hosts") == kind.parse(["hosts", "s3"]) == ("hosts", "s3")
    assert kind.parse(kind.show(("hosts", "s3"))) == ("hosts", "s3")
    assert refusal(kind, "hosts,sqs") == "is wrong in entry 2: it is not one of hosts, s3"
    assert refusal(kind, "hosts,") == "is wrong in entry 2: it is not one of hosts, s3"
    for value in ("", " ", []):
        assert refusal(kind, value) == "is empty"
    for value in (None, 1, [1], {"hosts": 1}):
        assert refusal(kind, value) == "is not a list of words"


def test_choices_and_flags_do_not_mind_case_or_space() -> None:
    assert Choice("before", "after").parse(" After ") == "after"
    assert [Flag().parse(text) for text in ("true", "1", "YES", " on ", True)] == [True] * 5
    assert [Flag().parse(text) for text in ("false", "0", "No", "off", False)] == [False] * 5


@pytest.mark.parametrize("value", ["later", "", None, 5, [], {}, "before,after", True])
def test_no_choices(value: Any) -> None:
    assert "before, after" in refusal(Choice("before", "after"), value)


@pytest.mark.parametrize("value", ["", "2", "maybe", None, 1, [], "truefalse"])
def test_no_flags(value: Any) -> None:
    assert refusal(Flag(), value)


def test_headers() -> None:
    parse = HeaderSet(remove=True).parse
    assert parse('{"X-A":"b","x-n":5,"x-gone":null}') == {"X-A": "b", "x-n": "5", "x-gone": None}
    assert parse({"x": ""}) == {"x": ""}


@pytest.mark.parametrize(
    "value",
    ["", "x", "[]", "{}", "null", '"x"', '{"":"x"}', '{"a b":"x"}', '{"x":"a\\r\\nb"}', '{"x":[]}']
    + ['{"x":"\\u0000"}', '{"x":true}', '{"é":"x"}', "[" * 100_000, '{"x":1e999}', '{"x":NaN}']
    + ['{"x":"\\ud800"}', '{"a":' * 50_000, {"x": float("inf")}, {"x": b""}, {1: "x"}, '{"x":"a"}}']
    + ['{"x":"a\udc80"}'],
)
def test_no_headers(value: Any) -> None:
    assert refusal(HeaderSet(remove=True), value)


def test_null_is_for_removing_alone() -> None:
    assert "null" in HeaderSet(remove=True).allowed
    assert "null" not in HeaderSet(remove=False).allowed
    assert refusal(HeaderSet(remove=False), '{"x":null}')


def test_text_is_what_can_be_sent() -> None:
    assert Text("any", "x").parse(" a\nb ") == " a\nb "
    assert Text("any", "x", empty=True).parse("") == ""
    assert Text("any", "x", empty=True).parse(" ") == " "
    for broken in ("\udc80", "a\ud800"):  # bytes that are no UTF-8, as `environ` hands them out
        assert "UTF-8" in refusal(Text("any", "x"), broken)
        assert "UTF-8" in refusal(Text("any", "x", empty=True), broken)
        assert "UTF-8" in refusal(ErrorMessage(), broken)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("no such order", "FaultInjected", "no such order"),
        ("ValueError: no such order", "ValueError", "no such order"),
        ("com.example.Oops: a: b", "com.example.Oops", "a: b"),
        ("Timeout:", "Timeout", ""),
        (": odd", "FaultInjected", ": odd"),
        ("at 12:30", "FaultInjected", "at 12:30"),
        ("Not A Type: x", "FaultInjected", "Not A Type: x"),
        ("é: x", "FaultInjected", "é: x"),
    ],
)
def test_messages(text: str, kind: str, message: str) -> None:
    assert ErrorMessage().parse(text) == (kind, message)


# -- what holds for all -----------------------------------------------------------------------


@BY_NAME
def test_the_example_is_allowed(kind: Kind) -> None:
    kind.parse(kind.example)
    assert kind.allowed
    assert kind.metavar


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and type(one) is type(other)


@BY_NAME
@given(value=st.one_of(WRITTEN, JSON_VALUES))
@example(value="0.7s")
@example(value="0.1234567890123456s")
@example(value="0." + "0" * 320 + "7s")
@example(value="0.12345678901234567%")
@example(value="0.7s..899.999999999999s")
@example(value="Type:" + "m" * 4090)
@example(value="m" * 4096)
@example(value="t" * 4096 + ":")
def test_whatever_is_written_is_refused_or_shown_as_it_is(kind: Kind, value: Any) -> None:
    try:
        parsed = kind.parse(value)
    except ValueError as error:
        message = str(error)
        assert "\n" not in message
        assert message[0].islower(), "it follows the variable's name"
        if isinstance(value, str) and len(value) > 20:
            assert value.strip() not in message
        assert NOISE not in message
        return
    shown = kind.show(parsed)
    assert isinstance(shown, str)
    assert _same(kind.parse(shown), parsed)


@given(st.floats(0, 900), st.floats(0, 900))
def test_durations_are_shown_exactly(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert Duration().parse(Duration().show(one)) == one
    assert DurationRange().parse(DurationRange().show((low, high))) == (low, high)


@given(st.floats(0, 1))
@example(2.0**-24)  # whose shortest text is not what rounding to as many places gives
def test_rates_are_shown_exactly(rate: float) -> None:
    assert Rate().parse(Rate().show(rate)) == rate


@given(st.integers(0, 900_000))
def test_whole_milliseconds_are_shown_as_such(milliseconds: int) -> None:
    shown = Duration().show(Duration().parse(milliseconds))
    assert shown == f"{milliseconds}ms"


@pytest.mark.parametrize("rate", ["0.2", "0.05", "1", "0", "0.001"])
def test_rates_are_shown_as_written(rate: str) -> None:
    assert Rate().show(Rate().parse(rate)) == rate


@BY_NAME
@pytest.mark.parametrize(
    "secret", ["hunter2", "{hunter2", '["hunter2"]', '{"hunter2 x":1}', '{"a":"hunter2\\n"}']
)
def test_a_refusal_never_repeats_the_value(kind: Kind, secret: str) -> None:
    try:
        kind.parse(secret)
    except ValueError as error:
        assert "hunter2" not in str(error)
        assert error.__suppress_context__ or "hunter2" not in repr(error.__context__)


@BY_NAME
def test_noise_gives_one_short_line_or_is_text(kind: Kind) -> None:
    try:
        kind.parse(NOISE)
    except ValueError as error:
        assert len(str(error)) < 120
    else:
        assert isinstance(kind, (Text, ErrorMessage))


@given(st.text("0123456789.", min_size=1, max_size=400))
def test_no_number_is_infinite(text: str) -> None:
    assume(text.count(".") < 2)
    for kind in (Duration(), Rate()):
        try:
            assert math.isfinite(kind.parse(text))
        except ValueError:
            pass
