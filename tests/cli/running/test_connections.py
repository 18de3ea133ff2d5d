"""`faultlayer local`: a function calls a server, untouched and with each fault."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from cli_support import Started
from docker_support import ask, read_until

import machine
from faultlayer_cli.running.ports import LOOPBACK, free_port

NAME = "db.example.com"
SIZE = 1500  # bytes of the server's answer
FUNCTION = """
import socket, ssl, time

def handler(event, context):
    began, secured = time.monotonic(), ssl._create_unverified_context()
    try:
        with socket.create_connection((event["host"], event["port"]), timeout=5) as client:
            if event["do"] == "tls":
                client = secured.wrap_socket(client)
            client.sendall(b"hello")
            said = 0
            while data := client.recv(100):
                said += len(data)
    except OSError as error:
        said = f"{type(error).__name__} {error}"
    return [said, time.monotonic() - began]
"""
RULES: dict[str, dict[str, Any]] = {
    "dns": {"error": "nxdomain"},
    "connect": {"how": "refuse"},
    "network": {"delay": "300ms"},
    "bandwidth": {"per_second": "1KB"},
    "reset": {"after": "0"},
    "tls": {"how": "handshake"},
}
SEEN = {
    "dns": "gaierror .* Name or service not known",
    "connect": "ConnectionRefusedError .* Connection refused",
    "network": str(SIZE),
    "bandwidth": str(SIZE),
    "reset": "ConnectionResetError .* Connection reset by peer",
    "tls": "SSLError .*ALERT_HANDSHAKE_FAILURE",
}
SLOWER = {"network": 0.3, "bandwidth": 0.4}  # seconds at least


@contextlib.contextmanager
def server(address: str) -> Iterator[int]:
    """A server that answers and closes; yields its port."""
    try:
        listener = socket.create_server((address, 0))
    except OSError:
        machine.lacks(f"this machine has no address {address}")

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                with contextlib.suppress(OSError), connection:
                    connection.recv(100)
                    connection.sendall(bytes(SIZE))

    with closing(listener):
        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "function"
    found.mkdir()
    (found / "app.py").write_text(FUNCTION)
    rules = [
        {"fault": name, "hosts": NAME, "match": {"do": name}, **options}
        for name, options in RULES.items()
    ]
    (found / "plan.json").write_text(json.dumps({"faults": rules}))
    return found


def each_fault(process: subprocess.Popen[str], port: int, place: dict[str, Any]) -> None:
    read_until(process, "answers at")
    assert ask(port, {**place, "do": "nothing"})[0] == SIZE
    for name, seen in SEEN.items():
        said, seconds = ask(port, {**place, "do": name})
        assert re.match(seen, str(said), re.IGNORECASE), (name, said)
        assert seconds >= SLOWER.get(name, 0), name
        line = json.loads(read_until(process, '"fault_injected"').splitlines()[-1])
        assert (line["fault"], line["host"]) == (name, NAME)
        assert line.get("port", place["port"]) == place["port"]


def observed(process: subprocess.Popen[str], there: int) -> dict[str, Any]:
    """The host's line in the table of `report`, after the end."""
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=60)
    command = [sys.executable, "-m", "faultlayer_cli", "report", "-", "--json"]
    done = subprocess.run(
        command, input=log, capture_output=True, text=True, timeout=60, check=True
    )
    (found,) = (one for one in json.loads(done.stdout)["hosts"] if one["host"] == NAME)
    assert found["aim"] == f"{NAME}:{there}"
    return dict(found)


def test_in_namespaces(spawned: Started, folder: Path, namespaces: None) -> None:
    with server(LOOPBACK) as there:
        port = free_port()
        arguments = ["--listen", port, "--plan", folder / "plan.json", "--function-timeout", "20"]
        arguments += ["--observe", "hosts", "--add-host", f"{NAME}:host-gateway"]
        process = spawned("local", folder, *arguments)
        each_fault(process, port, {"host": NAME, "port": there})
        # untouched, network, bandwidth, reset, tls: `dns` and `connect` keep the others from it
        assert observed(process, there)["connections"] == 5


@pytest.mark.whole
def test_in_docker(spawned: Started, folder: Path, client: docker.DockerClient, image: str) -> None:
    bridge = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    with server(bridge) as there:
        port = free_port()
        arguments = ["--listen", port, "--plan", folder / "plan.json", "--function-timeout", "20"]
        arguments += ["--observe", "hosts", "--add-host", f"{NAME}:host-gateway"]
        process = spawned("local", folder, "--docker", *arguments)
        each_fault(process, port, {"host": NAME, "port": there})
        host = {"host": "host.docker.internal", "port": there}
        assert ask(port, {**host, "do": "connect"})[0] == SIZE
        assert observed(process, there)["connections"] == 5
