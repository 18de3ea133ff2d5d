"""`faultlayer local` where namespaces are forbidden, and with an engine that is elsewhere."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from cli_support import HELLO
from docker_support import ask, ours, read_until, serving

from faultlayer_cli.commands.local import IMAGE
from faultlayer_cli.running.ports import free_port

# In a namespace of its own, whose settings allow no others: as on a host that forbids them.
FORBIDDING = """
echo 0 >/proc/sys/user/max_user_namespaces &&
echo 0 >/proc/sys/user/max_mnt_namespaces && exec "$@"
"""


class TestChosenByItself:
    """Where the kernel forbids what the native way needs."""

    @pytest.fixture
    def forbidden(self, tmp_path: Path) -> list[str]:
        """A command before others that runs them where no namespace may be made."""
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", FORBIDDING, "sh"]
        probe = subprocess.run([*command, "unshare", "--mount", "true"], capture_output=True)
        if not shutil.which("unshare") or b"unshare failed" not in probe.stderr:
            pytest.skip("no way to forbid namespaces here")
        return command

    def test_it_answers_and_says_so_in_one_line(self, spawned, image, left, forbidden):
        arguments = ["--invoke", HELLO / "event.json", "--status", "503"]
        process = spawned("local", HELLO, *arguments, before=forbidden)
        out, err = process.communicate(timeout=120)
        assert json.loads(out)["statusCode"] == 503, err
        (line,) = ours(err)
        assert re.fullmatch(f"faultlayer: runs in Docker, in {IMAGE}, since [^:]+", line)
        assert left(process) == []

    def test_without_an_engine_both_ways_are_told_in_one_line(self, spawned, forbidden):
        arguments = ["local", HELLO, "--invoke", HELLO / "event.json"]
        process = spawned(*arguments, before=forbidden, DOCKER_HOST="unix:///nonexistent")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, "")
        (line,) = err.splitlines()
        assert "no Docker engine answers at unix:///nonexistent" in line


class TestAnEngineElsewhere:
    """An engine whose loopback address is not ours: reached by an address of another interface."""

    @pytest.fixture
    def elsewhere(self, client: docker.DockerClient) -> Iterator[str]:
        """DOCKER_HOST of the same engine, by way of its bridge's address."""
        bridge = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
        address = bridge.get("Gateway", "")
        if not address:
            pytest.skip("the engine's bridge names no gateway")
        path = client.api.adapters["http+docker://"].socket_path
        try:
            server = socket.create_server((address, 0))
        except OSError as error:
            pytest.skip(f"the engine's bridge is not ours: {error}")
        with server:
            threading.Thread(target=forward, args=(server, path), daemon=True).start()
            yield f"tcp://{address}:{server.getsockname()[1]}"

    def test_it_answers_on_our_own_loopback_address(
        self, spawned, client, image, left, elsewhere, look
    ):
        port = free_port()
        process = spawned("local", look, "--docker", "--listen", port, DOCKER_HOST=elsewhere)
        read_until(process, "  curl -d ")
        big = {"text": "x" * 1_000_000}
        assert ask(port, big)["event"] == big
        assert client.containers.get(serving(left(process))).attrs["HostConfig"][
            "PortBindings"
        ] in ({}, None)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, ""), err
        assert "INVOKE START" in err
        assert left(process) == []


def forward(server: socket.socket, path: str) -> None:
    """Every connection to the engine's socket."""

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    with contextlib.suppress(OSError):
        while True:
            near = server.accept()[0]
            far = socket.socket(socket.AF_UNIX)
            far.connect(path)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()
