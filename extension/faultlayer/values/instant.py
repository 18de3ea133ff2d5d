"""Instants as ISO 8601 writes them (RFC 3339, section 5.6), from and to seconds since the epoch.

The results are those of `datetime`, to the millisecond, without the time it takes to import that. A
time without a zone is refused: an environment runs in UTC, and most people who plan it do not.
"""

from __future__ import annotations

from time import gmtime

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_END = 253402300800.0  # the first second of the year 10000


def _number(text: str, digits: int, low: int, high: int) -> int:
    """A number of exactly so many ASCII digits, within bounds."""
    if len(text) != digits or not (text.isascii() and text.isdigit()):
        raise ValueError("is not a time in ISO 8601")
    number = int(text)
    if not low <= number <= high:
        raise ValueError("is a time that no calendar or clock shows")
    return number


def _days(text: str) -> int:
    """Days since the epoch of YYYY-MM-DD, in the proleptic Gregorian calendar."""
    if text[4:5] != "-" or text[7:8] != "-":
        raise ValueError("is not a time in ISO 8601")
    year, month = _number(text[:4], 4, 1, 9999), _number(text[5:7], 2, 1, 12)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    day = _number(text[8:], 2, 1, 29 if leap and month == 2 else _DAYS[month - 1])
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719162
    return days + sum(_DAYS[: month - 1]) + (leap and month > 2) + day - 1


def _minutes(text: str) -> int:
    """Minutes of HH, HH:MM or HHMM."""
    hours = _number(text[:2], 2, 0, 23)
    rest = text[2:].removeprefix(":")
    return hours * 60 + (_number(rest, 2, 0, 59) if len(text) > 2 else 0)


def _clock(text: str) -> int:
    """Milliseconds since midnight of HH:MM, HH:MM:SS or HH:MM:SS.fff; more digits are cut."""
    if text[2:3] != ":":
        raise ValueError("is not a time in ISO 8601")
    minutes, rest = _minutes(text[:5]), text[5:]
    if not rest:
        return minutes * 60_000
    whole, point, fraction = rest[1:].replace(",", ".").partition(".")
    seconds = _number(whole, 2, 0, 59)
    digits = fraction.isascii() and fraction.isdigit() and len(fraction) < 10
    if rest[0] != ":" or bool(point) != digits:
        raise ValueError("is not a time in ISO 8601")
    return minutes * 60_000 + seconds * 1000 + int((fraction + "000")[:3])


def parse(text: str) -> float:
    """Seconds since the epoch. Raises ValueError with the mistake."""
    text = text.strip()
    days, clock = _days(text[:10]), text[11:]
    if text[10:11] not in ("T", "t", " "):
        raise ValueError("is a day without a time" if len(text) == 10 else "is not ISO 8601")
    at = max(clock.rfind("+"), clock.rfind("-"))
    if clock[-1:] in ("Z", "z"):
        clock, offset = clock[:-1], 0
    elif at > 0:
        sign = 1 if clock[at] == "+" else -1
        clock, offset = clock[:at], sign * _minutes(clock[at + 1 :])
    else:
        _clock(clock)
        raise ValueError("is a time without a zone")
    seconds = (days * 86_400_000 + _clock(clock) - offset * 60_000) / 1000
    if not 0 <= seconds < _END:
        raise ValueError("is outside the years 1970 to 9999")
    return seconds


def show(seconds: float) -> str:
    """The text in UTC that reads as exactly this."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    year, month, day, hour, minute, second = gmtime(whole)[:6]
    fraction = f".{milliseconds:03}" if milliseconds else ""
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
