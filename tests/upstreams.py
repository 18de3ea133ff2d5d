"""Hosts for functions under test: local, in a network, with TLS, bad.

    with Network() as network:                  # an address that is not on loopback (needs root)
        with start_server(http_server(b"hello"), network.address, network=network) as server:
            server.host, server.port

A server runs in this process until its block ends. What this machine lacks skips the test (on CI
it fails). No wait is without a limit. services.py has PostgreSQL and Redis.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import select
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import machine
import services

LOOPBACK = "127.0.0.1"
_GRACE = 10.0  # seconds for a program to end
_RESET = struct.pack("ii", 1, 0)  # struct linger: close with a reset (socket(7))
_CLONE_NEWNET = 0x40000000
_NAME = "faultlayer"
_PLACE = Path("/run/netns")
_PLACES = 8  # of 16384: tests that run at once take some


@dataclass
class Server:
    """A running server.

    It ends with its block, or earlier by `stop`.
    """

    host: str
    port: int
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def stop(self) -> None:
        self.stack.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


# -- another host on this machine ----------------------------------------------------------------


class Network:
    """A network namespace with an address: a host outside loopback.

    `address` has the servers that are started inside. `silent` is an address of the same
    network that no machine has: what is sent there is dropped, and nobody answers. Needs root.
    """

    def __init__(self) -> None:
        self.name = self.here = self.address = self.silent = self._outside = ""
        self._fd = -1

    def __enter__(self) -> Network:
        if os.geteuid():
            machine.lacks("a network of its own needs root")
        ip = machine.program("ip", "iproute2")
        _remove_forgotten(ip)
        for left in reversed(range(_PLACES)):
            try:
                self._make(ip, random.randrange(16384))
                return self
            except subprocess.CalledProcessError as error:  # most likely the place is taken
                self.__exit__()
                if not left:
                    machine.lacks(f"no network of its own: {error.stderr.decode().strip()}")
        raise AssertionError("not reached")

    def _make(self, ip: str, number: int) -> None:
        def do(*arguments: str) -> None:
            subprocess.run([ip, *arguments], check=True, capture_output=True, timeout=_GRACE)

        self.name = f"{_NAME}-{os.getpid()}-{number}"
        self._outside = f"faultlayer{number}"  # 15 characters at most
        # 198.18.0.0/15 is for tests of networks (RFC 2544): nobody's real address.
        high, low = divmod(4 * number, 256)
        self.here, self.address = (f"198.18.{high}.{low + n}" for n in (1, 2))
        self.silent = f"198.19.{high}.{low + 2}"
        inside = ["-n", self.name]
        do("netns", "add", self.name)
        peer = ["peer", "name", "eth0", "netns", self.name]
        do("link", "add", self._outside, "type", "veth", *peer)
        do("addr", "add", f"{self.here}/30", "dev", self._outside)
        do("link", "set", self._outside, "up")
        do(*inside, "addr", "add", f"{self.address}/30", "dev", "eth0")
        do(*inside, "link", "set", "eth0", "up")
        do(*inside, "link", "set", "lo", "up")
        # A neighbour that is not there: packets leave, and the other end drops them.
        do("route", "add", f"{self.silent}/32", "dev", self._outside)
        nobody = ["lladdr", "02:00:00:00:00:99", "dev", self._outside, "nud", "permanent"]
        do("neigh", "add", self.silent, *nobody)
        self._fd = os.open(_PLACE / self.name, os.O_RDONLY | os.O_CLOEXEC)

    def __exit__(self, *error: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        for arguments in (("link", "del", self._outside), ("netns", "del", self.name)):
            subprocess.run(["ip", *arguments], check=False, capture_output=True, timeout=_GRACE)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Put the block's new sockets and programs into the network for good."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open("rb") as own:
            _set_namespace(libc, self._fd)
            try:
                yield
            finally:
                _set_namespace(libc, own.fileno())


def _remove_forgotten(ip: str) -> None:
    """Remove the networks of killed tests."""
    for place in _PLACE.glob(f"{_NAME}-*"):
        pid = place.name.split("-")[1]
        if not Path("/proc", pid).exists():
            remove = [ip, "netns", "del", place.name]
            subprocess.run(remove, check=False, capture_output=True, timeout=_GRACE)


def _set_namespace(libc: ctypes.CDLL, fd: int) -> None:
    if libc.setns(fd, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _inside(network: Network | None) -> contextlib.AbstractContextManager[None]:
    return network.inside() if network else contextlib.nullcontext()


def free_port(host: str = LOOPBACK, network: Network | None = None) -> int:
    """A port that is closed now."""
    with _inside(network), socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# -- TLS -----------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of the tests; `path` has its certificate (PEM)."""

    def __init__(self, folder: Path, *names: str) -> None:
        import trustme  # here: not every environment of a checkout has it

        self._authority = trustme.CA()
        self._names = names
        self.path = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.path))

    def issue(self, folder: Path) -> tuple[Path, Path]:
        """A certificate for the names, and its private key."""
        issued = self._authority.issue_cert(*self._names)
        certificate, key = folder / "server.pem", folder / "server.key"
        certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """The settings of a TLS server with these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(folder))
        return context


# -- PostgreSQL and Redis on another host --------------------------------------------------------


@dataclass(frozen=True)
class Cache:
    """Redis, with a port for plain connections and one for TLS."""

    host: str
    port: int
    tls_port: int


def start_postgres(
    stack: contextlib.ExitStack, network: Network, authority: Authority
) -> services.servers.Server:
    """Start PostgreSQL in the network, until the stack is closed.

    With and without TLS.
    """
    home = _home(stack)
    (home / "hba").write_text("host all all all trust\n")
    certificate, key = authority.issue(home)
    for path in (home / "hba", certificate, key):
        _give(path)
    settings = {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    settings["hba_file"] = str(home / "hba")
    with network.inside():
        return stack.enter_context(services.start_postgres(network.address, settings))


def start_redis(stack: contextlib.ExitStack, network: Network, authority: Authority) -> Cache:
    """Redis in the network, until the stack is closed."""
    home = _home(stack)
    certificate, key = authority.issue(home)
    for path in (certificate, key):
        _give(path)
    tls_port = free_port(network.address, network)
    options = {
        "protected-mode": "no",
        "tls-port": str(tls_port),
        "tls-auth-clients": "no",
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
    }
    arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
    with network.inside():
        server = stack.enter_context(services.start_redis(network.address, arguments))
    return Cache(server.host, server.port, tls_port)


def _home(stack: contextlib.ExitStack) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="faultlayer-upstream-")
    home = Path(stack.enter_context(folder))
    home.chmod(0o755)
    return home


def _give(path: Path) -> None:
    """Give a file to the servers' user."""
    if not os.geteuid():
        user = services.servers.server_user()
        os.chown(path, user.pw_uid, user.pw_gid)


# -- servers in this process ---------------------------------------------------------------------


Serve = Callable[[socket.socket], None]


def start_server(serve: Serve, host: str = LOOPBACK, *, network: Network | None = None) -> Server:
    """A TCP server: `serve` gets each connection in its own thread."""
    with _inside(network):
        listener = socket.create_server((host, 0), backlog=512)

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), connection:
            connection.settimeout(60)
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    server = Server(host, listener.getsockname()[1])
    server.stack.callback(listener.close)
    server.stack.callback(_hang_up, listener)
    return server


def _hang_up(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)  # ends the wait for a connection


def reset(connection: socket.socket) -> None:
    """Reset the connection, as a host that has lost it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


def http_server(body: bytes, context: ssl.SSLContext | None = None) -> Serve:
    """Answers every request with this body; connections are kept."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)

    def serve(connection: socket.socket) -> None:
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    if not (piece := connection.recv(65536)):
                        return
                    data += piece
                data = data.partition(b"\r\n\r\n")[2]
                connection.sendall(head + body)

    return serve


def start_bad_line(
    host: str,
    port: int,
    *,
    network: Network | None = None,
    late: float = 0.0,
    rate: float = 0.0,
    cut: int | None = None,
) -> Server:
    """A bad line to a server.

    `late`: seconds by which its answers come later. `rate`: bytes a second, each way. `cut`: bytes
    of the answer after which the line is reset (0: with the first byte of the question).
    """

    def serve(client: socket.socket) -> None:
        with _inside(network):
            upstream = socket.create_connection((host, port), 5)
        with upstream:
            for sock in (client, upstream):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            carry(client, upstream)

    def carry(client: socket.socket, upstream: socket.socket) -> None:
        passed = 0  # bytes of the answer
        free = {client: 0.0, upstream: 0.0}  # when the line can take the next piece from here
        pieces: list[tuple[float, socket.socket, bytes]] = []
        sources = [client, upstream]
        while sources or pieces:
            wait = max(0.0, pieces[0][0] - time.monotonic()) if pieces else 60
            for source in select.select(sources, [], [], wait)[0]:
                is_answer = source is upstream
                data = source.recv(1024 if rate else 65536)
                if cut is not None and (is_answer or not cut):
                    passed += len(data)
                    if data and passed >= cut:
                        if rest := data[: len(data) - (passed - cut)] if cut else b"":
                            client.sendall(rest)
                            time.sleep(0.02)  # a reset rarely comes in the packet of the bytes
                        reset(client)
                        return
                now = time.monotonic()
                due = now + (late if is_answer else 0.0)
                if rate:
                    due = free[source] = max(due, free[source]) + len(data) / rate
                pieces.append((due, client if is_answer else upstream, data))
                if not data:
                    sources.remove(source)
            pieces.sort(key=lambda piece: piece[0])
            while pieces and pieces[0][0] <= time.monotonic():
                _, target, data = pieces.pop(0)
                if data:
                    target.sendall(data)
                else:
                    target.shutdown(socket.SHUT_WR)

    return start_server(serve, host, network=network)


# -- names ---------------------------------------------------------------------------------------


def start_dns(
    addresses: Callable[[str], str | None],
    host: str,
    *,
    network: Network | None = None,
    port: int = 53,
) -> Server:
    """A DNS server (RFC 1035) for IPv4 addresses.

    `addresses(name)` is an address, `servfail` or `timeout` (no answer); None: no such name.
    """
    with _inside(network):
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.bind((host, port))

    def answer(question: bytes) -> bytes | None:
        labels, at = [], 12
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size])
            at += 1 + size
        end = at + 5
        kind = question[at + 1 : at + 3]
        found = addresses(b".".join(labels).decode().lower())
        if found == "timeout":
            return None
        code = {None: 3, "servfail": 2}.get(found, 0)
        has = bool(found) and not code and kind == b"\0\1"
        flags = struct.pack(">H", 0x8180 | code)
        counts = struct.pack(">HHHH", 1, has, 0, 0)
        reply = question[:2] + flags + counts + question[12:end]
        if has and found:
            reply += struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4) + socket.inet_aton(found)
        return reply

    def serve() -> None:
        while True:
            try:
                question, sender = line.recvfrom(4096)
                if reply := answer(question):
                    line.sendto(reply, sender)
            except (IndexError, UnicodeError):  # no question
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    server = Server(host, line.getsockname()[1])
    server.stack.callback(line.close)
    server.stack.callback(_hang_up, line)
    return server
