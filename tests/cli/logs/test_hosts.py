"""The hosts in a log: read line by line, and added up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.dependencies.observed import EVENT as LOGGED
from faultlayer.dependencies.observed import HostSum as Sum
from faultlayer.dependencies.observed import Times
from faultlayer_cli.logs import hosts
from faultlayer_cli.logs.hosts import HostTable, percentile, read
from faultlayer_cli.logs.lines import FactKind
from faultlayer_cli.logs.lines import read as read_message

LINE: dict[str, Any] = {
    "source": "faultlayer",
    "event": "host_observed",
    "host": "db.test",
    "port": 5432,
    "connections": 4,
    "failed": 1,
    "sent": 24,
    "received": 36,
    "connect_ms": "0.097 0.15*3",
}


def test_the_same_host_of_several_lines_adds_up() -> None:
    table = HostTable()
    lines = (LINE, {**LINE, "connect_ms": "120*7"}, {**LINE, "host": "::1", "port": 1}, OTHERS)
    for line in lines:
        found = read(line)
        assert found is not None
        table.add(found)
    first, second, others = table.rows()
    assert (first.host, first.connections, first.failed, first.received) == ("db.test", 8, 2, 72)
    assert (percentile(first.connect, 50), percentile(first.connect, 95)) == (120, 120)
    assert percentile(first.connect, 30) == 0.15
    assert percentile(first.first_byte, 50) is None
    assert (first.aim, second.aim, others.aim) == ("db.test:5432", "[::1]:1", "")
    assert others.as_json()["others"] is True


OTHERS = {**LINE, "host": None, "others": True}


@pytest.mark.parametrize(
    "more",
    [
        {"host": ""},
        {"host": 7},
        {"port": "443"},
        {"connections": -1},
        {"sent": 1.5},
        {"received": None},
        {"connect_ms": "fast"},
        {"connect_ms": "1*-2"},
        {"connect_ms": "nan"},
        {"first_byte_ms": 7},
    ],
    ids=str,
)
def test_a_line_that_is_not_understood_is_not_guessed_at(more: dict[str, Any]) -> None:
    assert read({**LINE, **more}) is None
    assert list(read_message(json.dumps({**LINE, **more}))) == []


def test_a_name_that_hosts_cannot_say_has_no_aim() -> None:
    found = read({**LINE, "host": "a b"})
    assert found is not None
    assert found.aim == ""


def test_no_host_is_said_as_that() -> None:
    line = {"source": "faultlayer", "level": "info", "event": "no_host_observed", "message": "m"}
    (fact,) = read_message(json.dumps(line))
    assert fact.kind is FactKind.TROUBLE


@given(st.lists(st.floats(0, 900), min_size=1, max_size=60))
def test_what_the_extension_logs_is_read_exactly(seconds: list[float]) -> None:
    assert hosts.EVENT == LOGGED
    logged = Sum()
    logged.connections = len(seconds)
    for each in seconds:
        logged.connect.add(each)
        logged.first_byte.add(each)
    found = read({"host": "a.test", "port": 1, **logged.fields()})
    assert found is not None
    assert found.connect == found.first_byte == logged.connect.counts
    times = Times()
    for each in seconds:
        times.add(each)
    assert percentile(found.connect, 95) == times.percentile(95)
