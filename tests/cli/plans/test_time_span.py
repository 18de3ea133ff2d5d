"""Lengths of time as users type them, and the point in time that they lead to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.time_span import iso, span


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        (" 30 m ", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("365d", timedelta(days=365)),
    ],
)
def test_a_length_of_time(text: str, meant: timedelta) -> None:
    assert span(text) == meant


@pytest.mark.parametrize("text", ["", "30", "0m", "-1h", "1.5h", "366d", "99999999d", "1w", "٣h"])
def test_what_is_none_is_told_with_what_is_allowed(text: str) -> None:
    with pytest.raises(Mistake, match="--for is not a time up to a year; allowed: .*30m"):
        span(text)


def test_a_point_in_time_is_written_in_utc() -> None:
    assert iso(datetime(2027, 1, 31, 17, 0, tzinfo=timezone.utc)) == "2027-01-31T17:00:00Z"
