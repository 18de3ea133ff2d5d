"""The function's hosts: counted by the relay, and logged."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from fakes.proxied import soon
from faultlayer.dependencies import observed
from faultlayer.dependencies.observed import Observed, Times, two_digits
from faultlayer.dependencies.running_time import RunningTime
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Late, Unreachable
from proxy.dependencies.redirected import Redirected, exchange, host, sockaddr

Lines = list[dict[str, Any]]


def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.fixture
def redirected(monkeypatch: pytest.MonkeyPatch) -> Redirected:
    """A service that observes, and takes loopback hosts for distant hosts."""
    for room in ("control", "observed"):
        monkeypatch.setattr(
            f"faultlayer.dependencies.{room}.is_local", lambda *host: False, raising=False
        )
    return Redirected(observing=True)


def summed(redirected: Redirected, capfd: pytest.CaptureFixture[str]) -> Lines:
    """The lines of the sums so far."""
    redirected.observed.log()
    return lines(capfd)


def test_a_host_s_connections_bytes_and_times(
    redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    def late(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            time.sleep(0.1)
            connection.sendall(data * 3)

    with host(late) as port:
        redirected.learn("db.test", "127.0.0.1")
        for _ in range(3):
            with redirected.connect(port) as client:
                time.sleep(0.05)  # the first byte is not late by this
                for _ in range(2):
                    client.sendall(b"abcd")
                    assert client.recv(100) == b"abcd" * 3
        assert soon(lambda: not redirected.relay.links)
    (line,) = summed(redirected, capfd)
    assert (line["event"], line["host"], line["port"]) == ("host_observed", "db.test", port)
    assert (line["connections"], line["failed"]) == (3, 0)
    assert (line["sent"], line["received"]) == (3 * 8, 3 * 24)
    assert 0 < line["connect_ms_median"] <= line["connect_ms_p95"] < 1000
    assert 95 <= line["first_byte_ms_median"] < 1000
    assert line["first_byte_ms"]
    assert summed(redirected, capfd) == [], "each sum begins anew"


def test_a_connection_that_stays_open_counts_on(
    redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    with host() as port, redirected.connect(port) as client:
        for connections in (1, 0):
            exchange(client, b"abc")
            (line,) = summed(redirected, capfd)
            assert (line["host"], line["connections"]) == ("127.0.0.1", connections)
            assert (line["sent"], line["received"]) == (3, 3)


def test_the_numbers_are_the_host_s_without_the_faults(
    redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    with host() as port, redirected.disturbed(Late(0.4), Unreachable(silent=False)) as injected:
        with pytest.raises(ConnectionRefusedError):
            redirected.connect(port)
        redirected.in_force.end([injected[1]])
        with redirected.connect(port) as client:
            assert exchange(client, b"abc") >= 0.4
    (line,) = (one for one in summed(redirected, capfd) if one["event"] == "host_observed")
    assert (line["connections"], line["failed"]) == (1, 0)
    assert line["first_byte_ms_p95"] < 400


def test_one_that_is_refused_has_failed(
    redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            redirected.connect(port)
    (refused,) = summed(redirected, capfd)
    assert (refused["port"], refused["connections"], refused["failed"]) == (port, 1, 1)
    assert "connect_ms" not in refused


def test_loopback_is_observed_if_a_rule_aims_at_it_and_nothing_outside_the_window(
    capfd: pytest.CaptureFixture[str],
) -> None:
    redirected = Redirected(HostList().parse("db.test"), observing=True)
    with host() as port:
        assert redirected.asked(port)[1] == port
        assert summed(redirected, capfd) == []
        redirected.learn("db.test", "127.0.0.1")
        assert redirected.asked(port)[1] != port
        (line,) = summed(redirected, capfd)
        assert line["host"] == "db.test"
        redirected.observing = False
        assert redirected.asked(port)[1] != port
    assert redirected.ask(b"F\1C\0" + sockaddr("192.0.2.9", 9)) == b"F\1D\0"
    assert summed(redirected, capfd) == []


def test_many_hosts_are_a_bounded_number_of_lines(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed, "_MOST_KNOWN", 5)
    monkeypatch.setattr(observed, "_MOST_LINES", 3)
    hosts = Observed(RunningTime())
    for number in range(8):
        one = hosts.of(f"h{number}.test", 443)
        one.connections += 10 - number
        one.sent += 1
    hosts.log()
    found = lines(capfd)
    assert [line.get("host") for line in found] == ["h0.test", "h1.test", "h2.test", None]
    assert (found[-1]["others"], found[-1]["connections"], found[-1]["sent"]) == (True, 25, 5)
    hosts.log()
    assert lines(capfd) == []
    hosts.of("new.test", 443).connections += 1
    hosts.log()
    assert [line["host"] for line in lines(capfd)] == ["new.test"], "old ones make room"


def test_the_end_says_why_there_is_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for asked, why, is_proxy in (
        (True, "because", False),
        (True, "", False),
        (True, "", True),
        (False, "because", False),
    ):
        Observed(RunningTime()).finish(asked=asked, why_closed=why, is_proxy=is_proxy)
    assert [(line["event"], line["message"]) for line in lines(capfd)] == [
        ("hosts_not_observed", "because"),
        ("no_host_observed", observed.NO_HOST),
        ("no_host_observed", observed.NO_REQUEST),
    ]


def test_times_are_rounded_counted_and_bounded() -> None:
    assert [two_digits(number) for number in (0.0123, 1.26, 123456)] == [0.012, 1.3, 120000]
    times = Times()
    for _ in range(18):
        times.add(0.00091)
    times.add(0.0304)
    times.add(-1)  # a clock that went back
    assert times.text() == "0.01 0.91*18 30"
    assert (times.percentile(50), times.percentile(95), times.percentile(100)) == (0.91, 0.91, 30)
    for number in range(1, 5000):
        times.add(number / 1000)
    assert len(times.counts) <= 64
    assert sum(times.counts.values()) == 20 + 4999
    assert times.percentile(50) == pytest.approx(2500, rel=0.25)
    assert Times().fields("connect_ms") == {}


def test_many_at_once_are_counted_exactly_over_several_sums(
    redirected: Redirected, capfd: pytest.CaptureFixture[str]
) -> None:
    threads, each = 8, 15
    passed: list[int] = []

    def call(port: int) -> None:
        for number in range(each):
            data = bytes(1 + 997 * number)
            with redirected.connect(port) as client:
                exchange(client, data)
            passed.append(len(data))

    with host() as port:
        callers = [threading.Thread(target=call, args=(port,)) for _ in range(threads)]
        for caller in callers:
            caller.start()
        while any(caller.is_alive() for caller in callers):
            redirected.loop.at(0.0, redirected.observed.log)
            redirected.loop.wake()
            time.sleep(0.05)
        assert soon(lambda: not redirected.relay.links)
    redirected.observed.log()
    found = [line for line in lines(capfd) if line["event"] == "host_observed"]
    assert sum(line["connections"] for line in found) == threads * each == len(passed)
    assert sum(line["sent"] for line in found) == sum(passed)
    assert sum(line["received"] for line in found) == sum(passed)
    for kind in ("connect_ms", "first_byte_ms"):
        times = " ".join(line.get(kind, "") for line in found).split()
        assert sum(int(time.partition("*")[2] or 1) for time in times) == len(passed)
    assert not any(line["failed"] for line in found)
