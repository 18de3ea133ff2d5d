"""Verdicts on the contract's speed targets, and the tables."""

import pytest

from bench.report import Grid, plain, spread, target_grid, times
from bench.targets import TARGETS, judge, measured


@pytest.mark.parametrize(
    ("key", "value", "met"),
    [
        ("added_to_forwarder", 1.15, True),
        ("added_to_forwarder", 1.16, False),
        ("p99_to_forwarder", 1.25, True),
        ("p99_to_forwarder", 1.26, False),
        ("matching_to_forwarder", 1.51, False),
        ("throughput_to_socat", 1.0, True),
        ("throughput_to_socat", 0.99, False),
        ("stream_to_socat", 0.99, False),
        ("start_to_bare", 1.3, True),
        ("start_to_bare", 1.31, False),
        ("rss_mib", 12.1, False),
        ("rss_mib", None, None),
        ("idle_hops", 0, True),
        ("idle_hops", 1, False),
        ("zip_mb", 7.51, False),
        ("relay_to_forwarder", 1.5, True),
        ("relay_to_forwarder", 1.51, False),
        ("relay_to_socat", 0.79, False),
        ("relay_stream_to_socat", 0.8, True),
        ("relay_rss_mib", 16.1, False),
        ("question_us", 60.1, False),
    ],
)
def test_limits(key: str, value: float | None, met: bool | None) -> None:
    (verdict,) = [v for v in judge({key: value}) if v.target.key == key]
    assert verdict.met is met


def test_placed_by_the_kernel_a_target_may_have_another_limit() -> None:
    words = {v.target.key: v.word for v in judge({"added_to_forwarder": 1.2}, "free")}
    assert words["added_to_forwarder"] == "met"
    assert words["start_to_bare"] == "not measured"


def test_what_was_not_measured_is_never_met() -> None:
    assert set(measured({}, "one").values()) == {None}
    assert measured({}, "one").keys() == {target.key for target in TARGETS}
    assert {v.word for v in judge({})} == {"not measured"}
    assert len(judge({})) == len(TARGETS)


RESULTS = {
    "paths": {
        "one": {
            "latency": {
                "faultlayer": {"to_forwarder": 1.1, "added_p99": {"median": 130}},
                "faultlayer, matching": {"to_forwarder": 1.4},
                "C forwarder": {"added_p99": {"median": 100}},
            },
            "payloads": {"6 MB": {"faultlayer": {"to_socat": 2.0}}},
            "stream": {"faultlayer": {"to_socat": 2.0}},
            "hops": {"faultlayer, idle": 0},
        }
    },
    "starts": {"warm": {"to_bare": {"faultlayer": 1.3}}},
    "held": {"faultlayer": {"one": {"rss_kb": 10 * 1024}}},
    "layer": {"zip": 3 << 20},
    "connections": {
        "placements": {
            "one": {
                "latency": {"faultlayer, relay": {"to_forwarder": 1.2}},
                "payloads": {"faultlayer, relay": {"to_socat": 2.0}},
                "stream": {"faultlayer, relay": {"to_socat": 2.0}},
                "rss_kb": {"faultlayer, relay": 12 * 1024},
                "questions": {"added": {"median": 50.0}},
            }
        }
    },
}


def test_what_the_targets_are_about() -> None:
    words = {v.target.key: v.word for v in judge(measured(RESULTS, "one"))}
    assert words.pop("p99_to_forwarder") == "NOT MET"
    assert set(words.values()) == {"met"}
    # another proxy has no such layer
    another = measured(RESULTS, "one", "another")
    assert (another["zip_mb"], another["matching_to_forwarder"]) == (None, None)
    assert another["relay_rss_mib"] is None


def test_the_table_has_each_target_beside_what_was_measured() -> None:
    grid = target_grid(RESULTS)
    assert [row[0] for row in grid.rows] == [target.text for target in TARGETS]
    assert grid.rows[0] == ["added p50 ÷ C forwarder's", "≤ 1.15 ×", "1.10 ×", "met"]
    both = target_grid({**RESULTS, "paths": {**RESULTS["paths"], "free": RESULTS["paths"]["one"]}})
    assert both.rows[0][1] == "≤ 1.15, 1.25 ×"


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
    assert spread({"median": 2, "low": 1, "high": 3}) == "2.0 (1.0–3.0)"
