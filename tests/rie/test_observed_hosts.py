"""OBSERVE=hosts under the real emulator: the log has the hosts, and the function sees nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import machine
from rie.languages import EACH, running

CALLER = Path(__file__).parent / "functions" / "caller"


def own_address() -> str:
    """An address of this machine that is not loopback: hosts there are observed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            machine.lacks("this machine has no address but loopback")
        return str(sock.getsockname()[0])


@pytest.fixture
def place() -> Iterator[str]:
    """A host that answers each line with `hi there`, and closes."""
    with closing(socket.create_server((own_address(), 0))) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"hi there\n")

        threading.Thread(target=serve, daemon=True).start()
        yield "{}:{}".format(*server.getsockname())
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("language", EACH)
def test_a_function_s_hosts_are_in_the_log_and_it_sees_no_difference(
    place: str, language: str
) -> None:
    host, _, port = place.partition(":")
    calls = {"call": [place, place, f"{host}:1", f"localhost:{port}"]}
    said = []
    for variables in ({}, {"FAULTLAYER_OBSERVE": "hosts"}):
        with running(language, CALLER, variables, timeout=10) as function:
            said.append([json.loads(function.invoke(calls).body) for _ in range(2)])
    assert said[0] == said[1]
    assert said[0][0][:2] == ["hi there"] * 2
    assert "REFUSED" in said[0][0][2].upper()
    lines = function.lines()
    assert {line["event"] for line in lines} == {"host_observed"}
    called, refused = sorted(lines, key=lambda line: -line["connections"])
    assert (called["host"], called["port"], called["connections"]) == (host, int(port), 4)
    assert (called["failed"], called["sent"], called["received"]) == (0, 4 * 6, 4 * 9)
    assert called["connect_ms_median"] > 0 < called["first_byte_ms_p95"]
    assert (refused["port"], refused["connections"], refused["failed"]) == (1, 2, 2)


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
