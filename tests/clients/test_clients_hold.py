"""Connections of one function: kept, secured, large, cut off, on loopback."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import upstreams
from clients.cases import BODY, ZONE, Hosts
from clients.conftest import injected, running
from clients.programs import CPYTHON
from rie.held import Held, soon
from runtimes import builds

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("clients-1")]

HOST = f"fault-held.{ZONE}"
ONLY = {"hosts": f"fault-*.{ZONE}"}
PLAN = {
    "faults": [
        {"fault": "connect", "how": "refuse", "match": {"hit": "refuse"}, **ONLY},
        {"fault": "connect", "how": "refuse", "match": {"hit": "refuse all"}},
        {"fault": "connect", "how": "refuse", "hosts": "*", "match": {"hit": "refuse *"}},
        {"fault": "connect", "how": "refuse", "hosts": "127.0.0.77:8126", "match": {"hit": "one"}},
        {"fault": "network", "delay": "300ms", "match": {"hit": "both"}, **ONLY},
        {"fault": "bandwidth", "per_second": 100_000, "match": {"hit": "both"}, **ONLY},
        {"fault": "network", "delay": "10ms", "match": {"hit": "nothing"}, **ONLY},
    ]
}
FAR_HOST = Path(__file__).with_name("far_host.py")
AGENTS = [2772, 2773, 4317, 4318, 8126]  # extensions' own services
MB = 1 << 20


class Holding:
    """The function, and the hosts in its events."""

    def __init__(self, function: Held, hosts: Hosts, ports: dict[str, int]) -> None:
        self.function = function
        self._event = {"host": HOST, **hosts.ports, **ports}

    def ask(self, do: str, hit: str = "", **event: Any) -> tuple[dict[str, Any], list[Any]]:
        """Invoke the function; return its answer and the log's injections."""
        request_id = str(uuid.uuid4())
        asked = {**self._event, "do": do, "hit": hit, **event}
        answer = self.function.invoke(asked, request_id)
        assert b"errorType" not in answer.body, answer.body
        if hit:  # a line may come after the answer
            soon(lambda: injected(self.function, request_id), 2)
        return answer.json(), injected(self.function, request_id)


@pytest.fixture(scope="module")
def holding(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holding]:
    folder = tmp_path_factory.mktemp("holding")
    with contextlib.ExitStack() as stack:
        big = upstreams.start_server(send_big, hosts.network.address, network=hosts.network)
        ports = {"big": stack.enter_context(big).port}
        function = stack.enter_context(running(CPYTHON, hosts, PLAN, folder, "held.handler"))
        ports |= stack.enter_context(far_host(hosts, folder))
        yield Holding(function, hosts, ports)


@contextlib.contextmanager
def far_host(hosts: Hosts, folder: Path) -> Iterator[dict[str, int]]:
    """A host for HTTP/2 and WebSocket, with the function's own libraries."""
    certificate, key = hosts.authority.issue(folder)
    built = builds.build(CPYTHON, print)
    with hosts.network.inside():
        process = subprocess.Popen(
            [sys.executable, FAR_HOST, hosts.network.address, certificate, key],
            env={**os.environ, "PYTHONPATH": str(built)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            http2, websocket = map(int, process.stdout.readline().split())
            yield {"http2": http2, "websocket": websocket}
        finally:
            process.kill()


def blocks(megabytes: int) -> Iterator[bytes]:
    """So many bytes without a repetition."""
    block = hashlib.sha256(b"big").digest() * (MB // 32 - 1)
    for number in range(megabytes):
        yield number.to_bytes(32, "big") + block


def send_big(connection: socket.socket) -> None:
    for block in blocks(int(os.environ.get("FAULTLAYER_TEST_MEGABYTES", "100"))):
        connection.sendall(block)


def digest(megabytes: int) -> str:
    found = hashlib.sha256()
    for block in blocks(megabytes):
        found.update(block)
    return found.hexdigest()


def test_armed_and_not_hit_all_protocols_pass(holding: Holding) -> None:
    told, lines = holding.ask("armed")
    got = {name: result.get("got") for name, result in told.items()}
    assert got["peer"][0].startswith("198.18."), "the host's own address"
    assert got["keep-alive"] == 1, "one connection for five requests"
    assert "Hostname mismatch" in told["certificate of another name"]["error"]
    assert "CERTIFICATE_VERIFY_FAILED" in told["certificate of nobody"]["error"]
    assert got["HTTP/2"] == [f"HTTP/2 stream {number}" for number in (1, 3, 5)]
    assert got["WebSocket"] == "echoed"
    assert got["STARTTLS"] == "TLSv1.3"
    assert lines == []


def test_a_hundred_megabytes_pass_as_they_are(holding: Holding) -> None:
    told, _ = holding.ask("big")
    assert told == {"size": 100 * MB, "digest": digest(100)}


@pytest.mark.nightly
def test_a_gigabyte_passes_as_it_is(holding: Holding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTLAYER_TEST_MEGABYTES", "1024")
    told, _ = holding.ask("big")
    assert told == {"size": 1024 * MB, "digest": digest(1024)}


def test_pools_lose_their_connections_when_a_host_goes_down_and_recover(holding: Holding) -> None:
    for _ in range(2):
        told, lines = holding.ask("kept")
        assert {name: result.get("got") for name, result in told.items()} == {
            "requests": len(BODY),
            "redis": len(BODY),
            "psycopg_pool": len(BODY),
        }
        assert not lines
    told, (line,) = holding.ask("kept", "refuse")
    assert (line["event"], line["fault"], line["host"]) == ("fault_injected", "connect", HOST)
    assert line["port"]
    assert "Connection refused" in told["requests"]["error"]
    assert "Connection refused" in told["redis"]["error"]
    assert "psycopg" in told["psycopg_pool"]["error"], "the pool has no connection in time"
    assert all(result["seconds"] < 5 for result in told.values())
    told, lines = holding.ask("kept")
    assert [told[name].get("got") for name in ("requests", "redis")] == [len(BODY)] * 2
    assert not lines
    until = time.monotonic() + 20  # the pool waits between its tries
    while "error" in told["psycopg_pool"] and time.monotonic() < until:
        told, _ = holding.ask("kept")
    assert told["psycopg_pool"].get("got") == len(BODY)


def test_several_faults_at_once_are_each_logged_once(holding: Holding) -> None:
    holding.ask("kept")
    began = time.monotonic()
    told, lines = holding.ask("kept", "both")
    assert told["requests"]["got"] == len(BODY)
    assert time.monotonic() - began > 0.3 + 0.4
    assert sorted(line["fault"] for line in lines) == ["bandwidth", "network"]
    assert {(line["event"], line["host"]) for line in lines} == {("fault_injected", HOST)}


def test_a_hit_that_met_no_connection_is_said(holding: Holding) -> None:
    _, (line,) = holding.ask("nothing", "nothing")
    assert (line["event"], line["fault"]) == ("fault_not_applied", "network")
    assert "no connection" in line["message"]


@pytest.mark.parametrize(
    ("hit", "refused"), [("refuse all", []), ("refuse *", []), ("one", [8126])]
)
def test_loopback_is_never_touched_unless_it_is_named(
    holding: Holding, hit: str, refused: list[int]
) -> None:
    told, lines = holding.ask("loopback", hit, ports=AGENTS, address="127.0.0.77")
    for name, result in told.items():
        if name == "host":
            assert ("refused" in result.get("error", "")) is not bool(refused)
        elif name.isdigit() and int(name) in refused:
            assert "refused" in result["error"]
        else:
            assert "got" in result, (name, result)
    assert len(lines) == 1


def test_a_stopped_extension_holds_up_nobody_beyond_their_own_timeouts(holding: Holding) -> None:
    function = holding.function
    extension = function.extension()
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(holding.ask("outage")), daemon=True)
    asking.start()
    function.emulator.wait_for_log("READY", 30)
    os.kill(extension, signal.SIGSTOP)
    try:
        (function.emulator.tmp / "go").touch()
        function.emulator.wait_for_log("RESULT ", 40)
    finally:
        os.kill(extension, signal.SIGCONT)
    asking.join(60)
    told, _ = answers[0]
    assert "timed out" in told["open"]["error"], "as if the host had stopped"
    assert told["open"]["seconds"] < 5
    assert "Read timed out" in told["kept"]["error"]
    for result in (told["new"], *told["more"]):
        assert result["got"] == len(BODY), "made directly"
        assert result["seconds"] < 2
    assert told["lookup"]["got"]
    told, _ = holding.ask("kept")
    assert told["redis"]["got"] == len(BODY), "it goes on once the extension does"


def test_a_killed_extension_ends_the_environment_and_the_next_one_works(holding: Holding) -> None:
    holding.function.kill_extension()
    for _ in range(5):  # the emulator's own race: see Emulator
        with contextlib.suppress(AssertionError, ValueError):
            told, _ = holding.ask("big")
            assert told["size"] == 100 * MB
            return
    pytest.fail("no environment after the extension was killed")
