"""`faultlayer local`: a function calls a server of this machine, untouched and with each fault."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
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
    """A server that answers and closes; its port."""
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


def test_in_namespaces(spawned: Started, folder: Path, namespaces: None) -> None:
    with server(LOOPBACK) as there:
        port = free_port()
        arguments = ["--listen", port, "--plan", folder / "plan.json", "--function-timeout", "20"]
        process = spawned("local", folder, *arguments, "--add-host", f"{NAME}:host-gateway")
        each_fault(process, port, {"host": NAME, "port": there})


@pytest.mark.whole
def test_in_docker(spawned: Started, folder: Path, client: docker.DockerClient, image: str) -> None:
    bridge = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    with server(bridge) as there:
        port = free_port()
        arguments = ["--listen", port, "--plan", folder / "plan.json", "--function-timeout", "20"]
        names = ["--add-host", f"{NAME}:host-gateway"]
        process = spawned("local", folder, "--docker", *arguments, *names)
        each_fault(process, port, {"host": NAME, "port": there})
        host = {"host": "host.docker.internal", "port": there}
        assert ask(port, {**host, "do": "connect"})[0] == SIZE
