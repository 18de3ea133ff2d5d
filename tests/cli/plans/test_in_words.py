"""Faults in words: the share, the invocations, the fault and the end, each as it really is."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

import pytest

from faultlayer_cli.plans import in_words
from faultlayer_cli.plans.variables import Variables

NOW = datetime(2030, 5, 6, 12, 0, tzinfo=timezone.utc).timestamp()
ORDERS = " of orders"


def variables(**texts: object) -> Variables:
    return Variables({f"FAULTLAYER_{name}": str(text) for name, text in texts.items()})


def plan(**document: object) -> Variables:
    return variables(PLAN=json.dumps(document))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (variables(STATUS="503"), "all invocations of orders are hit by status 503"),
        (
            variables(LATENCY="300ms", LATENCY_RATE="20%"),
            "20% of the invocations of orders are hit by latency 300ms",
        ),
        (variables(STATUS="503", RATE="0.001"), "0.1% of the invocations of orders are hit by "
                                                "status 503"),
        (
            variables(LATENCY="300ms", LATENCY_RATE="20%", STATUS="503", STATUS_RATE="50%"),
            "20% of the invocations of orders are hit by latency 300ms, and 50% of the invocations "
            "by status 503 (60% by at least one)",
        ),
        (
            variables(LATENCY="300ms", STATUS="503", STATUS_RATE="50%"),
            "all invocations of orders are hit by latency 300ms, and 50% of the invocations by "
            "status 503",
        ),
        (
            variables(INIT="2s", INIT_RATE="10%", STATUS="503", STATUS_RATE="50%"),
            "10% of the cold starts of orders are hit by init 2000ms, and 50% of the invocations "
            "by status 503",
        ),
        (
            variables(STATUS="503", STATUS_WHEN="after", STATUS_MAX="3", MATCH="rawPath=/x,a.b"),
            "all invocations of orders with rawPath=/x and a.b are hit by status 503 (when=after, "
            "at most 3 in each environment)",
        ),
        (
            variables(STATUS="503", MATCH=json.dumps({"a": {"exists": False}, "b": {"prefix": 1}})),
            "",
        ),
        (
            plan(faults=[{"fault": "status", "code": 503, "match": {"a": {"exists": False}}},
                         {"fault": "status", "code": 429, "match": {"b": {"prefix": "x"}}}]),
            "all invocations of orders with no a are hit by status 503, and all invocations with "
            'b {"prefix":"x"} by status 429',
        ),
        (plan(faults=[{"fault": "status", "code": 503}], rate=0.5),
         "50% of the invocations of orders are hit by status 503"),
        (
            variables(EXCEPTION="A: b", STATUS="503"),
            "all invocations of orders are hit by exception A: b, and all invocations by status "
            "503 (exception A: b wins: status 503 acts only on invocations that it does not hit)",
        ),
        (variables(PLAN="ssm:/chaos/orders"),
         "the invocations of orders are hit as the live plan says (ssm:/chaos/orders)"),
        (variables(PLAN="file:/var/task/p.json", STATUS="503"),
         "the invocations of orders are hit as the plan in the package says "
         "(file:/var/task/p.json), and besides all invocations are hit by status 503"),
        (variables(STATUS="503", DISABLED="true"), ""),
        (variables(PLAN="ssm:/chaos/orders", DISABLED="true"), ""),
        (variables(STATUS="503", RATE="0"), ""),
        (variables(STATUS="503", END="2020-01-01T00:00:00Z"), ""),
        (variables(), ""),
    ],
)  # fmt: skip
def test_hits(found: Variables, said: str) -> None:
    assert in_words.hits(found, ORDERS) == said


def test_a_long_value_is_cut() -> None:
    (said,) = in_words.each(variables(HEADERS=json.dumps({"x-long": "y" * 200})))
    assert len(said) < 100
    assert said.endswith("…")


def test_each_fault_by_itself() -> None:
    found = variables(LATENCY="1s", STATUS="503", STATUS_RATE="5%")
    assert in_words.each(found) == [
        "all invocations by latency 1000ms",
        "5% of the invocations by status 503",
    ]
    assert in_words.each(variables(PLAN="ssm:/a")) == ["as the live plan says (ssm:/a)"]


@pytest.mark.parametrize(
    ("zone", "ahead", "said"),
    [
        ("UTC", 3600, "13:00 UTC (in 60 min)"),
        ("Europe/Berlin", 3595, "14:59 CEST (in 60 min)"),
        ("Asia/Kolkata", 45, "17:30:45 IST (in 45 s)"),
        ("UTC", 7500, "14:05 UTC (in 2 h 5 min)"),
        ("Europe/Berlin", 10 * 3600 + 1, "Tue 07 May 00:00 CEST (in 10 h)"),
        ("UTC", 3 * 86400, "Thu 09 May 12:00 UTC (in 3 days)"),
        ("UTC", 365 * 86400, "06 May 2031 12:00 UTC (in 365 days)"),
        ("UTC", -5, "11:59:55 UTC (over)"),
    ],
)
def test_a_point_in_time_is_local_and_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, zone: str, ahead: float, said: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert in_words.until(NOW + ahead, NOW) == said
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("found", "begins"),
    [
        (variables(STATUS="503"), "without an end"),
        (variables(STATUS="503", END="2030-05-06T13:00:00Z"), "until "),
        (variables(STATUS="503", START="2030-05-06T13:00:00Z"), "from "),
        (plan(faults=[{"fault": "status", "code": 503}], end="2030-05-06T13:00:00Z"), "until "),
        (variables(PLAN="ssm:/a"), "until that plan ends or is disarmed"),
        (variables(PLAN="file:/a"), "for as long as that plan says"),
        (variables(PLAN="ssm:/a", END="2030-05-06T13:00:00Z"), "until "),
    ],
)
def test_the_window(found: Variables, begins: str) -> None:
    said = in_words.window(found, NOW)
    assert said.startswith(begins)
    assert ("(in 60 min)" in said) == ("T13" in str(found.texts))


def test_the_fault_that_wins_is_named_of_those_on_the_same_invocations() -> None:
    late = variables(EXCEPTION="A", EXCEPTION_WHEN="after", STATUS="503", RATE="50%")
    assert in_words.each(late)[-1] == (
        "50% of the invocations by status 503 (status 503 wins: exception FaultInjected: A "
        "(when=after) acts only on invocations that it does not hit)"
    )
    apart = variables(EXCEPTION="A", EXCEPTION_MATCH="a=1", STATUS="503", STATUS_MATCH="a=2")
    assert "wins" not in in_words.hits(apart)
    assert "wins" not in in_words.hits(variables(LATENCY="1s", STATUS="503", INIT="error"))
