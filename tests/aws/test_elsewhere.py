"""The command on a system that is not Linux: AWS needs none, and `local` says what it needs.

There is no such machine here. Python is told that it runs on macOS, and what it has on Linux alone
is taken away, so that any use of it fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from aws_support import Aws, Make, layer_zip

PRETEND = """
import os, platform, posix, resource, select, signal, socket, sys, _socket
import boto3, click, docker, requests, rich.progress, yaml  # which know best where they are
sys.platform = "darwin"
platform.system, platform.machine = lambda: "Darwin", lambda: "arm64"
ALONE = {
    "eventfd memfd_create pidfd_open pipe2 sched_getaffinity sched_setaffinity setns splice "
    "unshare copy_file_range posix_fadvise posix_fallocate getrandom": (os, posix),
    "prlimit": (resource,),
    "epoll": (select,),
    "pidfd_send_signal sigtimedwait sigwaitinfo": (signal,),
    "AF_NETLINK AF_PACKET SOCK_CLOEXEC SOCK_NONBLOCK SO_BINDTODEVICE SO_DOMAIN SO_PEERCRED "
    "TCP_QUICKACK TCP_USER_TIMEOUT": (socket, _socket),
}
for names, modules in ALONE.items():
    for name in names.split():
        for module in modules:
            if hasattr(module, name):
                delattr(module, name)
from faultlayer_cli import main
sys.exit(main.run(sys.argv[1:]))
"""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", PRETEND, *map(str, arguments)],
        check=False, capture_output=True, text=True, input="{}",
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def test_publish_attach_status_stop_and_detach(aws: Aws, make: Make, tmp_path: Path):
    archive = tmp_path / "x86_64.zip"
    archive.write_bytes(layer_zip("x86_64"))
    published = run("publish", "--zip", archive)
    assert published.returncode == 0, published.stderr
    make("orders")
    attached = run("attach", "orders", "--latency", "300ms", "--latency-rate", "20%")
    assert attached.returncode == 0, attached.stderr
    assert aws.variables("orders")["FAULTLAYER_LATENCY"] == "300ms"
    for command in ("status", "stop", "detach"):
        done = run(command, "orders")
        assert done.returncode == 0, done.stderr
    assert aws.layers("orders") == []


@pytest.mark.parametrize("arguments", [("explain", "--event", "-"), ("validate",)])
def test_faults_are_judged(
    environment: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
):
    monkeypatch.setenv("FAULTLAYER_STATUS", "503")
    done = run(*arguments)
    assert done.returncode == 0, done.stderr


def test_local_says_what_it_needs(environment: Path, tmp_path: Path):
    (tmp_path / "app.py").write_text("def handler(event, context): pass\n")
    done = run("local", tmp_path, "--invoke", "-")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "needs Linux, and this is darwin" in line
    assert "Docker" in line


def test_the_demo_says_what_it_needs(environment: Path):
    done = run("demo")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "needs Linux on x86_64 or arm64, not darwin arm64" in line
