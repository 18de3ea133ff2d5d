"""Charts as SVG: horizontal bars, lines over categories, dots on a scale.

The same numbers give the same bytes. Charts are readable in light and in dark, name no font of
their own, and never tell series apart by colour alone. SVG 1.1, and one media query.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 880
_LEFT = 190  # where the plot begins; names stand before it
_RIGHT = 30
_COLOURS = ("#64748b", "#0284c7", "#9333ea", "#16a34a", "#ea580c", "#b45309", "#db2777", "#0d9488")
_STYLE = """
  <style>
    .ground { fill: #ffffff } .text { fill: #1e293b }
    .soft { fill: #475569 } .grid { stroke: #cbd5e1 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .text { fill: #e6edf3 }
      .soft { fill: #a8b3c0 } .grid { stroke: #3a434f }
    }
  </style>"""


@dataclass(frozen=True)
class Point:
    """A median and the range around it."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, spread: Mapping[str, float] | None) -> Point | None:
        return None if spread is None else cls(spread["median"], spread["low"], spread["high"])


Series = Mapping[str, Sequence[Point | None]]  # a point for each category, by the subject's name


def shown(value: float) -> str:
    """A number with three significant digits."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def powers(low: float, high: float) -> list[float]:
    """Round numbers around the range: 1, 2, 5, 10, …

    Powers of ten alone if the range is wide.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first < 4 else (1,)
    found = [f * 10.0**e for e in range(first - 1, last + 2) for f in factors]
    below = max(v for v in found if v <= low)
    above = min(v for v in found if v >= high)
    return [v for v in found if below <= v <= above]


def _text(x: float, y: float, words: str, kind: str = "text", anchor: str = "start") -> str:
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'  <text class="{kind}" x="{x:.1f}" y="{y:.1f}"{placed}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, rest: str = 'class="grid"') -> str:
    return f'  <line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {rest}/>'


def _page(height: float, title: str, description: str, body: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        'font-family="ui-sans-serif,Helvetica,Arial,sans-serif" font-size="13" role="img" '
        'aria-labelledby="t d">'
    )
    named = [
        f'  <title id="t">{escape(title)}</title>',
        f'  <desc id="d">{escape(description)}</desc>',
    ]
    ground = f'  <rect class="ground" width="{WIDTH}" height="{height:.0f}"/>'
    bold = 'font-size="16" font-weight="600"'
    heading = f'  <text class="text" x="20" y="28" {bold}>{escape(title)}</text>'
    under = _text(20, 48, description, "soft")
    return "\n".join([head, *named, _STYLE[1:], ground, heading, under, *body, "</svg>", ""])


def _mark(index: int, x: float, y: float) -> str:
    """A mark with one of eight shapes and eight colours."""
    colour, r = _COLOURS[index % len(_COLOURS)], 5.0
    if index % 4 == 0:
        return f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}"/>'
    shape = {
        1: [(-r, -r), (r, -r), (r, r), (-r, r)],
        2: [(0, -r * 1.3), (r * 1.2, r), (-r * 1.2, r)],
        3: [(0, -r * 1.4), (r * 1.4, 0), (0, r * 1.4), (-r * 1.4, 0)],
    }[index % 4]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shape)
    hollow = index >= 4
    paint = f'fill="none" stroke="{colour}" stroke-width="2"' if hollow else f'fill="{colour}"'
    return f'  <polygon points="{points}" {paint}/>'


def bars(
    title: str,
    description: str,
    groups: Mapping[str, Mapping[str, Point]],
    order: Sequence[str] = (),
) -> str:
    """A group of bars for each condition, with a bar per subject.

    Each group has its own scale. A subject's colour follows its place in `order`.
    """
    body: list[str] = []
    y, right, room = 70.0, WIDTH - _RIGHT - 150, WIDTH - _RIGHT - 150 - _LEFT
    names = list(dict.fromkeys([*order, *(name for group in groups.values() for name in group)]))
    for heading, group in groups.items():
        body.append(_text(20, y + 8, heading, "soft"))
        y += 20
        top = max((point.high for point in group.values()), default=1.0)
        for name, point in group.items():
            colour = _COLOURS[names.index(name) % len(_COLOURS)]
            long = point.value / top * room
            body.append(_text(_LEFT - 10, y + 13, name, anchor="end"))
            body.append(
                f'  <rect x="{_LEFT}" y="{y:.1f}" width="{long:.1f}" height="16" fill="{colour}"/>'
            )
            whisker = 'class="soft" stroke="#94a3b8" stroke-width="1.5"'
            left, end = _LEFT + point.low / top * room, _LEFT + point.high / top * room
            if point.high > point.low:
                body.append(_line(left, y + 8, end, y + 8, whisker))
            body.append(_text(right + 10, y + 13, shown(point.value)))
            y += 22
        y += 16
    return _page(y + 4, title, description, body)


def lines(title: str, description: str, categories: Sequence[str], series: Series) -> str:
    """A line for each subject over categories, on a logarithmic scale."""
    values = [p.value for points in series.values() for p in points if p is not None]
    if not values:
        return _page(80, title, description, [])
    ticks = powers(min(values), max(values))
    left, right, top, bottom = 80.0, WIDTH - 230.0, 76.0, 356.0
    span = math.log(ticks[-1] / ticks[0]) or 1.0

    def x(i: int) -> float:
        return left + 20 + (right - left - 40) * (i / max(len(categories) - 1, 1))

    def y(value: float) -> float:
        return bottom - (bottom - top) * math.log(value / ticks[0]) / span

    body = []
    for tick in ticks:
        body.append(_line(left, y(tick), right, y(tick)))
        body.append(_text(left - 8, y(tick) + 4, f"{tick:,g}".replace(",", " "), "soft", "end"))
    for i, category in enumerate(categories):
        body.append(_text(x(i), bottom + 22, category, "soft", "middle"))
    for index, (name, points) in enumerate(series.items()):
        there = [(x(i), y(p.value)) for i, p in enumerate(points) if p is not None]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in there)
        colour = _COLOURS[index % len(_COLOURS)]
        body.append(
            f'  <polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        )
        body += [_mark(index, px, py) for px, py in there]
        body.append(_mark(index, right + 30, top + 12 + index * 24))
        body.append(_text(right + 44, top + 16 + index * 24, name))
    return _page(bottom + 40, title, description, body)


def dots(title: str, description: str, kinds: Sequence[str], series: Series) -> str:
    """A row for each subject with its numbers, on a logarithmic scale."""
    values = [p.value for points in series.values() for p in points if p is not None]
    if not values:
        return _page(80, title, description, [])
    ticks = powers(min(values), max(values))
    left, right, top = float(_LEFT), float(WIDTH - _RIGHT), 96.0
    bottom = top + 30 * len(series)
    span = math.log(ticks[-1] / ticks[0]) or 1.0

    def x(value: float) -> float:
        return left + (right - left - 20) * math.log(value / ticks[0]) / span

    body = []
    for index, kind in enumerate(kinds):
        body.append(_mark(index, left + 6 + 90 * index, 70))
        body.append(_text(left + 18 + 90 * index, 74, kind))
    for tick in ticks:
        body.append(_line(x(tick), top, x(tick), bottom))
        body.append(_text(x(tick), bottom + 18, f"{tick:,g}".replace(",", " "), "soft", "middle"))
    for row, (name, points) in enumerate(series.items()):
        middle = top + 30 * row + 15
        body.append(_text(left - 12, middle + 4, name, anchor="end"))
        here = [p.value for p in points if p is not None]
        if here:
            joined = 'stroke="#94a3b8" stroke-width="1.5"'
            body.append(_line(x(min(here)), middle, x(max(here)), middle, joined))
        body += [_mark(i, x(p.value), middle) for i, p in enumerate(points) if p is not None]
    return _page(bottom + 34, title, description, body)
