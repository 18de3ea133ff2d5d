"""Times as people write them, judged by `datetime`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.values.instant import parse, show
from faultlayer.values.kinds import Instant

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29), timezones=ZONES)


def milliseconds(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return since // timedelta(milliseconds=1)


@given(MOMENTS, st.sampled_from(["T", "t", " "]), st.sampled_from(["auto", "milliseconds"]))
def test_what_datetime_writes_is_read_as_it_means(moment: datetime, mark: str, form: str) -> None:
    if form == "milliseconds":
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    text = moment.isoformat(mark, form)
    assert round(parse(text) * 1000) == milliseconds(moment)


@given(st.integers(0, 253402300799_999))
def test_a_time_is_shown_as_it_reads(number: int) -> None:
    seconds = number / 1000
    assert parse(show(seconds)) == seconds
    assert show(parse(show(seconds))) == show(seconds)
    written = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=number)
    assert datetime.fromisoformat(show(seconds).replace("Z", "+00:00")) == written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00Z", 0),
        (" 2027-01-31T17:00:00Z ", 1801414800),
        ("2027-01-31 18:00:00+01:00", 1801414800),
        ("2027-01-31T18:00:00+0100", 1801414800),
        ("2027-01-31T18:00+01", 1801414800),
        ("2027-01-31t11:30:00.25-05:30", 1801414800.25),
        ("2024-02-29T00:00:00,5Z", 1709164800.5),
        ("2000-02-29T12:00:00.123456789Z", 951825600.123),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("tomorrow", "ISO 8601"),
        ("2027-01-31", "without a time"),
        ("2027-01-31T17:00:00", "without a zone"),
        ("2027-01-31T17:00:00 UTC", "ISO 8601"),
        ("2027-01-31T17Z", "ISO 8601"),
        ("2027-01-31T17:00:00+1", "ISO 8601"),
        ("2027-01-31T17:00:00Z+01:00", "ISO 8601"),
        ("2027-1-31T17:00:00Z", "ISO 8601"),
        ("20270131T170000Z", "ISO 8601"),
        ("2027-W05-7T17:00:00Z", "ISO 8601"),
        ("2027-02-29T17:00:00Z", "no calendar"),
        ("2100-02-29T17:00:00Z", "no calendar"),
        ("2027-13-01T17:00:00Z", "no calendar"),
        ("2027-00-01T17:00:00Z", "no calendar"),
        ("2027-01-00T17:00:00Z", "no calendar"),
        ("2027-01-31T24:00:00Z", "no calendar"),
        ("2027-01-31T17:60:00Z", "no calendar"),
        ("2027-01-31T17:00:60Z", "no calendar"),
        ("2027-01-31T17:00:00+24:00", "no calendar"),
        ("2027-01-31T17:00:00.Z", "ISO 8601"),
        ("2027-01-31T17:00:00.1234567890Z", "ISO 8601"),
        ("2027-01-31T17:00:00x1Z", "ISO 8601"),
        ("２027-01-31T17:00:00Z", "ISO 8601"),
        ("1969-12-31T23:59:59Z", "1970 to 9999"),
        ("9999-12-31T23:59:59-01:00", "1970 to 9999"),
    ],
)
def test_no_times(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        Instant().parse(text)
    assert said in str(caught.value)


@given(st.text("0123456789-:.+TZ ", max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        seconds = Instant().parse(text)
    except ValueError:
        return
    assert math.isfinite(seconds)
    assert seconds >= 0


@pytest.mark.parametrize("value", [None, 5, True, [], {}, 1801414800.0])
def test_a_number_is_no_time(value: object) -> None:
    with pytest.raises(ValueError):
        Instant().parse(value)
