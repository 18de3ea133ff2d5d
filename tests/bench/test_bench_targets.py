"""Verdicts on the contract's speed targets, and the tables."""

import pytest

from bench.report import Grid, plain, spread, times
from bench.stats import Spread
from bench.targets import TARGETS, judge, measured


@pytest.mark.parametrize(
    ("key", "value", "met"),
    [
        ("added_to_forwarder", 1.25, True),
        ("added_to_forwarder", 1.26, False),
        ("added_to_socat", 0.99, True),
        ("added_to_socat", 1.0, False),
        ("p99_to_socat", 1.0, False),
        ("throughput_to_socat", 0.8, True),
        ("throughput_to_socat", 0.79, False),
        ("start_to_bare", 1.5, True),
        ("rss_mib", 12.1, False),
        ("rss_mib", None, None),
    ],
)
def test_limits(key: str, value: float | None, met: bool | None) -> None:
    (verdict,) = [v for v in judge({key: value}) if v.target.key == key]
    assert verdict.met is met


def test_what_was_not_measured_is_never_met() -> None:
    assert measured("faultlayer", None, None, None) == {}
    assert {v.word for v in judge({})} == {"not measured"}
    assert len(judge({})) == len(TARGETS)


def test_a_plain_table_lines_up() -> None:
    text = plain(Grid("title", ["name", "µs"], [["direct", "9.0"], ["socat", "120.5"]]))
    assert text.splitlines() == [
        "",
        "title",
        "name       µs",
        "──────  ─────",
        "direct    9.0",
        "socat   120.5",
    ]


def test_unknown_numbers_show_as_a_dash() -> None:
    assert (spread(None), times(None)) == ("–", "–")
    assert spread(Spread(2, 1, 3)) == "2.0 (1.0–3.0)"
