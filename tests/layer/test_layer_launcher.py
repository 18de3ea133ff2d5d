"""The launcher listens for the Lambda Web Adapter before there is an interpreter."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

import machine
from layer.launcher import launcher

ADAPTER = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
# In the interpreter's place: the listeners that it would find, as address:port in hexadecimal.
FOUND = r"""#!/bin/sh
for fd in /proc/self/fd/*; do
  inode=$(readlink "$fd") && inode=${inode#socket:[} && inode=${inode%]}
  awk -v inode="$inode" '$4 == "0A" && $10 == inode {print $2}' /proc/net/tcp
done
echo "$KEPT $LD_AUDIT"
"""
MOUNTED = 'mount --bind "$1" /opt; shift; exec "$@"'


@pytest.fixture(params=["x86_64", "arm64"])
def found(request: pytest.FixtureRequest, namespaces: None, tmp_path: Path) -> list[str]:
    """The command that runs the launcher of one architecture."""
    emulator = []
    if request.param == "arm64":
        emulator = [machine.program("qemu-aarch64-static")]
    for name, content in (
        ("extensions/faultlayer", launcher(request.param)),
        ("faultlayer/bin/python3", FOUND.encode()),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        path.chmod(0o755)
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    mounted = [*unshare, "sh", "-euc", MOUNTED, "sh", str(tmp_path)]
    return [*mounted, *emulator, "/opt/extensions/faultlayer"]


def listeners(command: list[str], **variables: str) -> list[str]:
    """Where the launcher listens with these variables."""
    env = {"PATH": os.environ["PATH"], "LD_AUDIT": "/none.so", "KEPT": "kept", **variables}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("kept \n"), done.stderr
    return done.stdout.splitlines()[:-1]


def test_it_listens_at_our_port_if_the_adapter_is_told_so(found: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = {ADAPTER: f"127.0.0.1:{port}", "FAULTLAYER_PORT": str(port)}
        assert listeners(found, **told) == []  # it is taken
    ours = [f"0100007F:{port:04X}"]
    assert listeners(found, **told) == ours
    assert listeners(found, **told | {ADAPTER: f"http://localhost:{port}/"}) == ours
    assert listeners(found, **told | {ADAPTER: f"127.0.0.1:{port}0"}) == []
    assert listeners(found, **told | {ADAPTER: f"127.0.0.1:1{port}"}) == []
    assert listeners(found, **told | {ADAPTER: str(port)}) == []
    assert listeners(found, **told | {ADAPTER: ""}) == []
    assert listeners(found, FAULTLAYER_PORT=str(port)) == []
    assert listeners(found, **{ADAPTER: f"127.0.0.1:{port}", "X" + ADAPTER: "x"}) == []


@pytest.mark.parametrize("port", ["", "x", "0x2613", "99999999999999999999", "65536", "9747x"])
def test_a_port_that_is_none(found: list[str], port: str) -> None:
    told = {ADAPTER: f"127.0.0.1:{port}", "FAULTLAYER_PORT": port}
    assert listeners(found, **told) == []
