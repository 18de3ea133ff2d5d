"""Lengths of time as `--for` has them, and points in time as a variable has them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from faultlayer_cli.errors import Mistake

_TIME = re.compile(r"(\d{1,6})\s*(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=365)


def span(text: str) -> timedelta:
    """Parse a length of time such as `30m`, `2h` or `1d`. Raises Mistake."""
    found = _TIME.fullmatch(text.strip())
    time = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < time <= _LONGEST:
        raise Mistake("--for is not a time up to a year; allowed: for example 30m, 2h or 1d")
    return time


def iso(moment: datetime) -> str:
    """The text of a point in time in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
