"""What is compared. A subject has a name, a reason it cannot run here (or None), and a way to start
it in front of an upstream port; what it starts has a port, a process id and a stop.

It promises that every subject listens on loopback only, on a port no one chose twice. The layer
runs as in Lambda: its tree is /opt, read-only, in a mount namespace of its own, with a clean
environment.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.process import BenchError, Child
from bench.tools import tool

# Armed, so that the proxy is in the path, but due once in a thousand million invocations.
ARMED = {"FAULTLAYER_LATENCY": "300ms", "FAULTLAYER_LATENCY_RATE": "0.000000001"}
EXTENSION = "/opt/extensions/faultlayer"
PATIENCE = 5.0


class Running(Protocol):
    port: int
    pid: int

    def stop(self) -> None: ...


class Subject(Protocol):
    @property
    def name(self) -> str: ...

    def missing(self) -> str | None: ...

    def start(self, upstream: int, scratch: Path) -> Running: ...


@dataclass
class Plain:
    """A running program that needs nothing special to be stopped."""

    port: int
    pid: int
    child: Child | None = None

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()


@dataclass(frozen=True)
class Direct:
    """No hop: what everything else is measured against."""

    name: str = "direct"

    def missing(self) -> str | None:
        return None

    def start(self, upstream: int, scratch: Path) -> Running:
        return Plain(upstream, os.getpid())


@dataclass(frozen=True)
class CForwarder:
    name: str = "C forwarder"

    def missing(self) -> str | None:
        return None

    def start(self, upstream: int, scratch: Path) -> Running:
        child = Child([tool("forwarder"), str(upstream)])
        return Plain(int(child.report("port")[0]), child.pid, child)


@dataclass(frozen=True)
class Socat:
    name: str = "socat"

    def missing(self) -> str | None:
        return None if shutil.which("socat") else "socat is not installed (apt-get install socat)"

    def start(self, upstream: int, scratch: Path) -> Running:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,nodelay"
        child = Child(["socat", listen, f"TCP:127.0.0.1:{upstream},nodelay"])
        wait_for_listener(port, child)
        return Plain(port, child.pid, child)


def wait_for_listener(port: int, child: Child) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not child.ended():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise BenchError(f"nothing listens on port {port}{child.last_words()}")


@dataclass
class Launched:
    """A program below bench/c/launch, which knows when it was started."""

    launcher: Child
    name: str
    pid: int
    started_ns: int
    port: int = 0

    def stop(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            self.launcher.report("exited", PATIENCE)
        except (ProcessLookupError, BenchError):
            pass  # it ended by itself
        self.launcher.stop()


def launch(prefix: list[str], argv: list[str], env: Mapping[str, str]) -> Launched:
    launcher = Child([*prefix, tool("launch"), *argv], env)
    try:
        pid, started = launcher.report("started")
    except BenchError:
        launcher.stop()
        raise
    return Launched(launcher, argv[0], int(pid), int(started))


@dataclass(frozen=True)
class Extension:
    """Anything that is configured and found as the extension is.

    That is by AWS_LAMBDA_RUNTIME_API and the address it publishes. With a tree it runs with that
    tree as /opt; without, as given (prototypes).
    """

    name: str
    argv: list[str]
    opt: Path | None = None
    faults: Mapping[str, str] = field(default_factory=lambda: ARMED)

    def missing(self) -> str | None:
        if self.opt is None:
            return None if Path(self.argv[0]).exists() else f"{self.argv[0]} does not exist"
        if not (self.opt / "extensions" / "faultlayer").exists():
            return f"no {self.opt}/extensions/faultlayer: run ./build.sh first"
        return namespace_trouble()

    def launch(self, upstream: int, address: Path) -> Launched:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{upstream}",
            "_FAULTLAYER_ADDRESS": str(address),
            **self.faults,
        }
        return launch(opt_prefix(self.opt) if self.opt else [], self.argv, env)

    def start(self, upstream: int, scratch: Path) -> Running:
        address = fresh_address(scratch)
        running = self.launch(upstream, address)
        try:
            running.port = published_port(address, running)
        except BenchError:
            running.stop()
            raise
        return running


def fresh_address(scratch: Path) -> Path:
    return scratch / f"address-{time.monotonic_ns()}"


def published_port(address: Path, running: Launched) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        words = address.read_text().split() if address.exists() else []
        if words and ":" in words[0]:
            port = int(words[0].rpartition(":")[2])
            wait_for_listener(port, running.launcher)
            return port
        if not Path(f"/proc/{running.pid}").exists():
            raise BenchError(f"{running.name} ended early{running.launcher.last_words()}")
        time.sleep(0.005)
    raise BenchError(f"no address was published within {PATIENCE:.0f} s")


def opt_prefix(opt: Path) -> list[str]:
    """What puts the tree at /opt for the program that follows. Read-only, as Lambda has it: the run
    must not leave byte code behind in the tree it measures."""
    read_only = "mount -o remount,bind,ro /opt 2>/dev/null || :"
    script = f'mount --bind "$0" /opt && {{ {read_only}; }} && exec "$@"'
    flags = "-m" if os.geteuid() == 0 else "-rm"
    return ["unshare", flags, "sh", "-c", script, str(opt.resolve())]


def namespace_trouble() -> str | None:
    if shutil.which("unshare") is None:
        return "unshare (util-linux) is not installed"
    flags = "-m" if os.geteuid() == 0 else "-rm"
    done = subprocess.run(["unshare", flags, "true"], check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else f"no mount namespace: {done.stderr.strip()}"


def layer(opt: Path) -> Extension:
    return Extension("faultlayer", [EXTENSION], opt)


def prototype(spec: str) -> Extension:
    """NAME=COMMAND, for measuring another proxy that publishes its address the same way."""
    name, _, command = spec.partition("=")
    argv = shlex.split(command)
    if not name or not argv:
        raise BenchError(f"--also {spec!r}: want NAME=COMMAND")
    return Extension(name, [shutil.which(argv[0]) or argv[0], *argv[1:]])
