"""A running service of the function's connections, a host behind it, and a client that asks first.

The client speaks the shim's messages; tests/shim has the real one.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from faultlayer.dependencies.conditions import InForce
from faultlayer.dependencies.control import Control
from faultlayer.dependencies.loop import Loop
from faultlayer.dependencies.observed import Observed
from faultlayer.dependencies.relay import Relay
from faultlayer.dependencies.running_time import RunningTime
from faultlayer.values.hosts import HostList, Hosts
from faultlayer.vocabulary.actions import Disturb
from faultlayer.vocabulary.disturbances import Disturbance

LOCAL = HostList().parse("127.0.0.1,localhost")
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


class Redirected:
    """The service, with every connection to `aimed_at` in the relay."""

    def __init__(
        self,
        aimed_at: Hosts = LOCAL,
        spared: frozenset[int] = frozenset(),
        *,
        observing: bool = False,
    ) -> None:
        self.name = f"faultlayer-test-{next(_numbers)}-{time.monotonic_ns()}"
        listener = socket.socket(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        listener.bind("\0" + self.name)
        listener.listen(512)
        self.loop = Loop()
        self.in_force = InForce(self.loop.wake)
        self.relay = Relay(self.loop, self.in_force)
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
        )
        threading.Thread(target=self.loop.run, daemon=True).start()

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

    def ask(self, message: bytes) -> bytes:
        """The answer to one message; empty if there is none."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(5)
            line.connect("\0" + self.name)
            line.send(message)
            return line.recv(1024)

    def learn(self, name: str, *addresses: str) -> None:
        """Tell that a lookup of this name gave these addresses."""
        told = bytes([len(name)]) + name.encode()
        for address in addresses:
            told += b"\4" + socket.inet_aton(address)
        assert self.ask(b"F\1L\0" + told) == b""

    def asked(self, port: int) -> tuple[str, int]:
        """The address that a client of this port on loopback is told to connect to."""
        answer = self.ask(b"F\1C\0" + sockaddr("127.0.0.1", port))
        if answer == b"F\1D\0":
            return "127.0.0.1", port
        assert answer.startswith(b"F\1T\0")
        return socket.inet_ntoa(answer[8:12]), int.from_bytes(answer[6:8], "big")

    def connect(self, port: int, timeout: float = 5) -> socket.socket:
        """A connection as the function would get it."""
        return socket.create_connection(self.asked(port), timeout=timeout)


def sockaddr(address: str, port: int) -> bytes:
    return (
        struct.pack("=H", socket.AF_INET)
        + struct.pack(">H", port)
        + socket.inet_aton(address)
        + bytes(8)
    )


Serve = Callable[[socket.socket], None]


def echo(connection: socket.socket) -> None:
    """Send back all that comes, then the end."""
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def host(serve: Serve = echo) -> Iterator[int]:
    """A host on loopback; its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


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
