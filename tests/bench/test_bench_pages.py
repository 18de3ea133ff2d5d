"""Pages and charts say what the numbers say, and are well formed."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import pages
from bench.charts import Point, bars, dots, lines, powers

POSITIVE = st.floats(0.001, 1e9)


def test_the_pages_of_this_checkout_are_what_its_numbers_say() -> None:
    assert pages.check() == []


def test_a_number_changed_by_hand_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = json.loads(pages.RESULTS.read_text())
    results["paths"]["one"]["latency"]["faultlayer"]["to_forwarder"] = 0.123
    other = tmp_path / "results.json"
    other.write_text(pages.text_of(results))
    monkeypatch.setattr(pages, "RESULTS", other)
    found = "\n".join(pages.check())
    assert "README.md" in found
    assert "docs/speed.md" in found
    assert "docs/benchmarks.md" in found
    assert "0.12 ×" in found


def test_every_chart_is_drawn_from_the_numbers_alone() -> None:
    results = json.loads(pages.RESULTS.read_text())
    again = json.loads(json.dumps(results))
    assert pages.charts(results) == pages.charts(again)


def test_charts_of_nothing_are_charts() -> None:
    for svg in pages.charts({}).values():
        ET.fromstring(svg)


def test_between_the_markers_and_nowhere_else() -> None:
    page = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n"
    filled = pages.fill(page, "x", "new")
    assert filled == "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n"
    assert pages.fill(filled, "x", "new") == filled
    with pytest.raises(ValueError, match="y:begin"):
        pages.fill(page, "y", "new")


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_names_are_written_out_and_escaped() -> None:
    point = Point(2, 1, 3)
    svg = bars("a < b", "µs & more", {"warm": {"<one>": point, "two": point}})
    assert {"a < b", "µs & more", "warm", "<one>", "two", "2.00"} <= set(texts(svg))


@given(st.dictionaries(st.text("ab <&", max_size=9), POSITIVE, min_size=1, max_size=8))
def test_charts_are_well_formed_and_stay_within_their_page(values: dict[str, float]) -> None:
    series = {name: [Point(v, v, v), None, Point(v * 2, v, v * 3)] for name, v in values.items()}
    drawn = [
        lines("t", "d", ["1", "2", "3"], series),
        dots("t", "d", ["p50", "p99", "p99.9"], series),
        bars("t", "d", {"g": {name: points[2] for name, points in series.items() if points[2]}}),
    ]
    for svg in drawn:
        root = ET.fromstring(svg)
        width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
        for element in root.iter():
            for name in ("x", "x1", "x2", "cx"):
                assert -1 <= float(element.get(name, 0)) <= width + 1
            for name in ("y", "y1", "y2", "cy"):
                assert -1 <= float(element.get(name, 0)) <= height + 1


@given(POSITIVE)
def test_scales_hold_what_they_are_for(top: float) -> None:
    ticks = powers(top, top * 7)
    assert ticks[0] <= top * 1.001 and ticks[-1] >= top * 7 * 0.999
