"""A running service of the function's connections, a host behind it, and a client that asks first.

The client speaks the shim's messages; tests/shim has the real one.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fakes.proxied import soon
from faultlayer.dependencies.conditions import InForce
from faultlayer.dependencies.control import Control
from faultlayer.dependencies.http_proxy import HttpProxy
from faultlayer.dependencies.loop import Loop
from faultlayer.dependencies.observed import Observed
from faultlayer.dependencies.relay import Relay
from faultlayer.dependencies.running_time import RunningTime
from faultlayer.dependencies.ways import Ways
from faultlayer.values.hosts import HostList, Hosts
from faultlayer.vocabulary.actions import Disturb
from faultlayer.vocabulary.disturbances import Disturbance
from upstreams import Serve, start_server

CREDENTIALS = "faultlayer:secret"
LOCAL = HostList().parse("127.0.0.1,localhost")
_EXTENSION = Path(__file__).resolve().parents[3] / "extension"
_numbers = itertools.count()


class Injected:
    """Stands for an injection: keeps what was logged of it."""

    def __init__(self, disturbance: Disturbance, hosts: Hosts = LOCAL) -> None:
        self.action = Disturb(disturbance, hosts)
        self.is_open = True
        self.told: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def happened(self, **numbers: Any) -> None:
        assert self.is_open, "settled twice"
        self.is_open = False
        self.told.append(numbers)

    def failed(self, error: Exception) -> None:
        self.error = error


class Asking:
    """A client of the service whose socket has this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ask(self, message: bytes) -> bytes:
        """Ask a question; return the answer, empty if none comes."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(5)
            line.connect("\0" + self.name)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                line.send(message)
                return line.recv(1024)
            return b""

    def learn(self, name: str, *addresses: str) -> None:
        """Report the addresses that a lookup of this name gave."""
        told = bytes([len(name)]) + name.encode()
        for address in addresses:
            told += b"\4" + socket.inet_aton(address)
        assert self.ask(b"F\1L\0" + told) == b""

    def asked(self, port: int) -> tuple[str, int]:
        """The address at which a client is to reach this loopback port."""
        answer = self.ask(b"F\1C\0" + sockaddr("127.0.0.1", port))
        if answer in (b"F\1D\0", b""):  # no answer: the shim connects by itself
            return "127.0.0.1", port
        assert answer.startswith(b"F\1T\0")
        return socket.inet_ntoa(answer[8:12]), int.from_bytes(answer[6:8], "big")

    def connect(self, port: int, timeout: float = 5) -> socket.socket:
        """A connection as the function would get it."""
        return socket.create_connection(self.asked(port), timeout=timeout)


class Redirected(Asking):
    """The service, with every connection to `aimed_at` in the relay."""

    def __init__(
        self,
        aimed_at: Hosts = LOCAL,
        spared: frozenset[int] = frozenset(),
        *,
        observing: bool = False,
    ) -> None:
        super().__init__(f"faultlayer-test-{next(_numbers)}-{time.monotonic_ns()}")
        listener = socket.socket(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        listener.bind("\0" + self.name)
        listener.listen(512)
        self.loop = Loop()
        self.in_force = InForce(self.loop.wake)
        self.relay = Relay(self.loop, self.in_force)
        self.ways = Ways(wanted=False)
        self.clock = RunningTime()
        self.observed = Observed(self.clock)
        self.observing = observing
        self.control = Control(
            listener,
            self.loop,
            self.relay,
            self.in_force,
            aimed_at.matches,
            spared,
            self.observed,
            lambda: self.observing,
            self.ways,
        )
        proxy = socket.create_server(("127.0.0.1", 0), backlog=2048)
        proxy.setblocking(False)
        self.proxy_port = proxy.getsockname()[1]
        self.proxy = HttpProxy(proxy, CREDENTIALS, self.loop, self.relay, self.in_force)
        self.proxy.sum_up(self.observed, lambda: self.observing)
        threading.Thread(target=self.loop.run, daemon=True).start()

    def hello(self) -> None:
        """Report a process of the function that has loaded the shim."""
        before = self.control.heard
        assert self.ask(b"F\1H\0") == b""
        assert soon(lambda: self.control.heard > before)

    @contextlib.contextmanager
    def disturbed(
        self, *disturbances: Disturbance, hosts: Hosts = LOCAL
    ) -> Iterator[list[Injected]]:
        """These are in force in the block."""
        injections: list[Any] = [Injected(each, hosts) for each in disturbances]
        self.in_force.begin(injections)
        try:
            yield injections
        finally:
            self.in_force.end(injections)


_SERVICE = """
import socket, sys
sys.path.insert(0, sys.argv[1])
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
listener.bind("\\0" + sys.argv[2])
listener.listen(512)
from faultlayer.dependencies import service
from faultlayer.startup.control_socket import Sockets
service.start(Sockets(listener), lambda name, address, port: True, frozenset())
print("ready", flush=True)
sys.stdin.read()
"""


class Apart(Asking):
    """The service in its own process: its memory and descriptors count alone."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        super().__init__(f"faultlayer-test-{next(_numbers)}-{time.monotonic_ns()}")
        code = [sys.executable, "-ISB", "-c", _SERVICE, str(_EXTENSION), self.name]
        self.process = subprocess.Popen(
            [*prefix, *code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.proc = Path(f"/proc/{self.process.pid}")

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)

    def held(self, field: str) -> int:
        """A number of /proc/PID/status: threads, or kilobytes."""
        return int((self.proc / "status").read_text().split(f"{field}:")[1].split()[0])

    def descriptors(self) -> int:
        return len(list((self.proc / "fd").iterdir()))


def sockaddr(address: str, port: int) -> bytes:
    return (
        struct.pack("=H", socket.AF_INET)
        + struct.pack(">H", port)
        + socket.inet_aton(address)
        + bytes(8)
    )


def echo(connection: socket.socket) -> None:
    """Send back all that comes, then the end."""
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def host(serve: Serve = echo) -> Iterator[int]:
    """A host on loopback; its port."""
    with start_server(serve) as server:
        yield server.port


def closed_port() -> int:
    """A port on loopback that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def exchange(client: socket.socket, data: bytes) -> float:
    """Send, and read as much back; the seconds that it took."""
    began = time.monotonic()
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    got = bytearray()
    while len(got) < len(data):
        piece = client.recv(65536)
        if not piece:
            raise EOFError(len(got))
        got += piece
    sender.join()
    assert got == data
    return time.monotonic() - began
