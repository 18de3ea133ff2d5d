"""The demo's table and chart: 80 columns at most, in plain ASCII too, and never made up."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from faultlayer_cli.demo import scenes
from faultlayer_cli.demo.screen import Measurements, Screen, axis, bars, column

OUTCOMES = [
    Measurements(
        scene, Counter({"HTTP 200": 19, "ValueError": 1}), 1, 99.0, [1.5, 305.25, 12345.6], 20
    )
    for scene in scenes.SCENES
]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_on_80_columns_without_colour(encoding: str):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    screen = Screen(Console(file=stream, width=132))
    for scene, outcome in zip(scenes.SCENES, OUTCOMES, strict=True):
        screen.scene(scene)
        screen.outcome(outcome)
    screen.table(OUTCOMES)
    screen.chart(OUTCOMES)
    screen.next_step()
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "…" not in text
    for scene in scenes.SCENES:
        assert scene.name in text
        for name in scene.variables:
            assert text.count(name + "=") == 2
    for word in ("errors", "p50", "p99", "12346", "305", "20 x"):
        assert word in text


def test_percentiles_are_times_that_were_measured():
    outcome = Measurements(scenes.SCENES[0], times=[float(n) for n in range(1, 101)])
    assert [outcome.percentile(share) for share in (0.5, 0.99, 1)] == [50, 99, 100]
    assert Measurements(scenes.SCENES[0], times=[7.0]).percentile(0.5) == 7


def test_the_axis_and_the_bars_agree():
    line, labels = axis()
    for milliseconds, label in ((1, "1 ms"), (10, "10 ms"), (100, "100 ms"), (1000, "1 s")):
        place = column(milliseconds)
        assert line[place] == "|"
        assert labels[place:].startswith(label)
        assert bars([milliseconds])[place] == "█"
    assert column(0) == 0
    assert column(1e6) == column(1000)
