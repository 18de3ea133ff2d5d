"""The compared subjects: name, obstacle if any, and start.

A subject starts before the fake Runtime API, and has a port, a process id and a stop. All are
asked on loopback, each on a port of its own. The layer runs as in Lambda: its tree is /opt,
read-only, in a mount namespace of its own, with a clean environment; and its own wrapper says to
which address the runtime is sent.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.process import BenchError, Child
from bench.tools import Server, tool

LATENCY = {"FAULTLAYER_LATENCY": "300ms"}
# Armed, so that the proxy is in the path, but due once in a thousand million invocations.
ARMED = {**LATENCY, "FAULTLAYER_LATENCY_RATE": "0.000000001"}
# Each event is read and matched, and none is the one; each invocation is hit, and only logged.
MATCHING = {**LATENCY, "FAULTLAYER_LATENCY_MATCH": "p=another"}
DRY_RUN = {**LATENCY, "FAULTLAYER_DRY_RUN": "true"}

OURS = "faultlayer"
IDLE = f"{OURS}, idle"
RELAY = f"{OURS}, relay"
EXTENSION = "/opt/extensions/faultlayer"
WRAPPER = "/opt/faultlayer-wrapper"
PATIENCE = 20.0  # seconds: only a failure takes that long


class Running(Protocol):
    @property
    def port(self) -> int: ...

    @property
    def pid(self) -> int: ...

    @property
    def client_env(self) -> Mapping[str, str] | None:
        """The environment for a client of this subject; None: any."""

    def stop(self) -> None: ...


class Subject(Protocol):
    @property
    def name(self) -> str: ...

    def missing(self) -> str | None: ...

    def start(self, server: Server, scratch: Path) -> Running: ...


@dataclass
class Plain:
    """A running program that needs no special stop."""

    port: int
    pid: int
    child: Child | None = None
    client_env: Mapping[str, str] | None = None

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()


@dataclass(frozen=True)
class Direct:
    """No hop: the yardstick of all other subjects."""

    name: str = "direct"

    def missing(self) -> str | None:
        return None

    def start(self, server: Server, scratch: Path) -> Running:
        return Plain(server.port, os.getpid())


@dataclass(frozen=True)
class CForwarder:
    name: str = "C forwarder"

    def missing(self) -> str | None:
        return None

    def start(self, server: Server, scratch: Path) -> Running:
        child = Child([tool("forwarder"), str(server.port)])
        return Plain(int(child.report("port")[0]), child.pid, child)


@dataclass(frozen=True)
class Socat:
    name: str = "socat"

    def missing(self) -> str | None:
        return None if shutil.which("socat") else "socat is not installed (apt-get install socat)"

    def start(self, server: Server, scratch: Path) -> Running:
        port = free_port()
        listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,nodelay"
        child = Child(["socat", listen, f"TCP:127.0.0.1:{server.port},nodelay"])
        wait_for_listener(port, child)
        return Plain(port, child.pid, child)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for_listener(port: int, child: Child) -> int:
    """Wait for a connection; return its time (CLOCK_MONOTONIC, nanoseconds)."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not child.ended():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.0005)
        else:
            return time.monotonic_ns()
    raise BenchError(f"nothing listens on port {port}{child.last_words()}")


@dataclass
class Launched:
    """A program below bench/c/launch, which knows its start time."""

    launcher: Child
    name: str
    pid: int
    started_ns: int
    port: int = 0
    client_env: Mapping[str, str] | None = None

    def stop(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            self.launcher.report("exited", PATIENCE)
        except (ProcessLookupError, BenchError):
            pass  # it ended by itself
        self.launcher.stop()


def launch(
    prefix: Sequence[str], argv: Sequence[str], env: Mapping[str, str], how: Sequence[str] = ()
) -> Launched:
    launcher = Child([*prefix, tool("launch"), *how, *argv], env)
    try:
        pid, started = launcher.report("started", PATIENCE)
    except BenchError:
        launcher.stop()
        raise
    return Launched(launcher, argv[0], int(pid), int(started))


@dataclass(frozen=True)
class Extension:
    """The layer: this tree as /opt, and the variables of the faults."""

    name: str
    opt: Path
    faults: Mapping[str, str] = field(default_factory=lambda: ARMED)

    def missing(self) -> str | None:
        if not (self.opt / "extensions" / "faultlayer").exists():
            return f"no {os.path.relpath(self.opt)}/extensions/faultlayer: run ./build.sh first"
        return namespace_trouble()

    def _environment(self, upstream: int, address: Path) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{upstream}",
            "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
            "_FAULTLAYER_ADDRESS": str(address),
            **self.faults,
        }

    def launch(self, upstream: int, address: Path, how: Sequence[str] = ()) -> Launched:
        env = self._environment(upstream, address)
        return launch(opt_prefix(self.opt), [EXTENSION], env, how)

    def start(self, server: Server, scratch: Path) -> Running:
        address = fresh_address(scratch)
        running = self.launch(server.port, address)
        try:
            server.registered_at(PATIENCE, running.started_ns)
            running.port = self._sent_to(server.port, address)
            wait_for_listener(running.port, running.launcher)
        except BenchError as error:
            running.stop()
            raise BenchError(f"{error}{running.launcher.last_words()}") from None
        return running

    def _sent_to(self, upstream: int, address: Path) -> int:
        """The Runtime API's port for a runtime started by the wrapper."""
        where = self.told(upstream, address, "AWS_LAMBDA_RUNTIME_API")
        port = where.rpartition(":")[2]
        if not port.isdigit():
            raise BenchError(f"the wrapper sends the runtime to {where!r}")
        return int(port)

    def told(self, upstream: int, address: Path, variable: str) -> str:
        """A variable's value in a runtime started by the wrapper."""
        show = [WRAPPER, "/bin/sh", "-c", f'echo "${variable}"']
        argv = [*opt_prefix(self.opt), *show]
        env = self._environment(upstream, address)
        done = subprocess.run(
            argv, env=env, check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode:
            raise BenchError(f"the wrapper fails: {done.stderr.strip()[:200]}")
        return done.stdout.strip()


def fresh_address(scratch: Path) -> Path:
    return scratch / f"address-{time.monotonic_ns()}"


@dataclass(frozen=True)
class External:
    """Another proxy, with a fixed port or one in its command.

    The command has {upstream} and, if the port is free to choose, {port}.
    """

    name: str
    command: Sequence[str]
    fixed_port: int | None = None

    def missing(self) -> str | None:
        found = shutil.which(self.command[0])
        return None if found else f"{self.command[0]} does not exist"

    def launch(self, upstream: int) -> Launched:
        port = self.fixed_port or free_port()
        there = shutil.which(self.command[0]) or self.command[0]
        words = [there, *self.command[1:]]
        argv = [w.replace("{port}", str(port)).replace("{upstream}", str(upstream)) for w in words]
        running = launch([], argv, {"PATH": os.environ["PATH"]})
        running.port = port
        return running

    def start(self, server: Server, scratch: Path) -> Running:
        running = self.launch(server.port)
        try:
            wait_for_listener(running.port, running.launcher)
        except BenchError:
            running.stop()
            raise
        return running


def external(spec: str) -> External:
    """Parse NAME=COMMAND, or NAME@PORT=COMMAND for a fixed port."""
    name, _, command = spec.partition("=")
    name, _, port = name.partition("@")
    argv = shlex.split(command)
    if not name or not argv or not (port or "0").isdigit() or not (port or "{port}" in command):
        raise BenchError(f"--also {spec!r}: want NAME=COMMAND with {{port}}, or NAME@PORT=COMMAND")
    return External(name, argv, int(port) if port else None)


def opt_prefix(opt: Path) -> list[str]:
    """The command that puts the tree at /opt for a program.

    Read-only, as in Lambda: a run must not leave byte code in the tree it measures.
    """
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


def layer(opt: Path) -> list[Extension]:
    """The layer in each state that a function may have."""
    return [
        Extension(IDLE, opt, {}),
        Extension(OURS, opt, ARMED),
        Extension(f"{OURS}, matching", opt, MATCHING),
        Extension(f"{OURS}, dry run", opt, DRY_RUN),
    ]
