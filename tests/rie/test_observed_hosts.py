"""OBSERVE=hosts under the real emulator: logged hosts, and an untouched function."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rie.languages import EACH, running
from upstreams import Network, start_server

CALLER = Path(__file__).parent / "functions" / "caller"


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as found:
        yield found


@pytest.fixture
def place(network: Network) -> Iterator[str]:
    """A host that answers each line with `hi there` and closes."""

    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"hi there\n")

    with start_server(serve, network.address, network=network) as server:
        yield f"{server.host}:{server.port}"


@pytest.mark.parametrize("language", EACH)
def test_a_function_s_hosts_are_in_the_log_and_it_sees_no_difference(
    network: Network, place: str, language: str
) -> None:
    host, _, port = place.partition(":")
    calls = {"call": [place, place, f"{host}:1", f"localhost:{port}", f"{network.silent}:443"]}
    said = []
    for variables in ({}, {"FAULTLAYER_OBSERVE": "hosts"}):
        with running(language, CALLER, variables, timeout=10) as function:
            said.append([json.loads(function.invoke(calls).body) for _ in range(2)])
    assert said[0] == said[1]
    assert said[0][0][:2] == ["hi there"] * 2
    assert "REFUSED" in said[0][0][2].upper()
    way, *lines = function.lines()
    assert way["event"] == "connections_redirected"
    assert {line["event"] for line in lines} == {"host_observed"}
    called, refused, silent = sorted(lines, key=lambda line: (-line["connections"], line["port"]))
    assert (called["host"], called["port"], called["connections"]) == (host, int(port), 4)
    assert (called["failed"], called["sent"], called["received"]) == (0, 4 * 6, 4 * 9)
    assert called["connect_ms_median"] > 0 < called["first_byte_ms_p95"]
    assert (refused["port"], refused["connections"], refused["failed"]) == (1, 2, 2)
    assert (silent["port"], silent["connections"], silent["direct"]) == (443, 2, 2)


def test_a_wrong_value_is_one_line_and_nothing_else_changes(place: str) -> None:
    variables = {"FAULTLAYER_OBSERVE": "hosts,dynamo", "FAULTLAYER_LATENCY": "1ms"}
    with running("python", CALLER, variables, timeout=10) as function:
        assert json.loads(function.invoke({"call": [place]}).body) == ["hi there"]
    mistake, injected = function.lines()
    assert (mistake["event"], mistake["variable"]) == ("config_error", "FAULTLAYER_OBSERVE")
    assert mistake["message"] == (
        "is wrong in entry 2: it is not one of hosts; allowed: a list, with commas, of: hosts"
    )
    assert injected["event"] == "fault_injected"
