"""Lines of a log that belong together: JSON values that were indented over several lines."""

from __future__ import annotations

import json

import pytest

from faultlayer_cli.logs.pieces import pieces, split

VALUE = {"event": "fault_injected", "numbers": [1, -2.5, True, None], "text": "} not [ an end"}
PREFIX = "2026-11-28T01:00:01+00:00 stream "


def found(text: str) -> list[tuple[int, str]]:
    return list(pieces(split(text)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", ["", PREFIX])
def test_an_indented_value_is_one_piece_with_its_first_line(before: str, end: str) -> None:
    text = end.join(["first", before + json.dumps(VALUE, indent=4).replace("\n", end), "last"])
    first, value, last = found(text)
    assert (first, last[1]) == ((1, "first"), "last")
    assert value[0] == 2
    assert json.loads(value[1].removeprefix(before)) == VALUE


def test_a_value_on_one_line_and_plain_lines_stay_as_they_are() -> None:
    lines = ["START RequestId: 1", json.dumps(VALUE), "an {unfinished [thing", "END RequestId: 1"]
    assert found("\n".join(lines)) == list(enumerate(lines, 1))


def test_a_value_that_does_not_end_is_given_back_line_by_line() -> None:
    lines = ['{"event": "fault_injected",', '    "delay_ms": 300', "END RequestId: 1"]
    assert found("\n".join(lines)) == list(enumerate(lines, 1))


def test_colours_and_a_byte_order_mark_are_dropped() -> None:
    assert found("\ufeff\x1b[32mstream\x1b[0m said") == [(1, "stream said")]
