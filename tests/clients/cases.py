"""The cases: a fault, and a host that really behaves so.

Case ── rule ──> the plan: this fault hits an event with `case`
     └─ real ──> a host of the same network that refuses, is silent, late, resets, ...
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import upstreams
from upstreams import Authority, Network

ZONE = "up.test"  # RFC 6761: no real name ends so
BODY = b"x" * 20_000
LATE, TOO_LATE = 0.2, 3.0  # seconds; clients wait for one or two
RATE = 40_000  # bytes a second for each client: half a second for the body
PORTS = ("http", "https", "postgres", "redis", "rediss")


@dataclass(frozen=True)
class Case:
    """A case.

    `secure`: over TLS. `least`: the least seconds that each client takes.
    """

    title: str
    rule: dict[str, Any]
    line: dict[str, Any] | None = None  # how the line to the real host is bad
    secure: bool = False
    least: float = 0.0

    @property
    def name(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    @property
    def fault(self) -> str:
        name: str = self.rule["fault"]
        return name


CASES = (
    Case("DNS=nxdomain", {"fault": "dns", "error": "nxdomain"}),
    Case("DNS=servfail", {"fault": "dns", "error": "servfail"}),
    Case("DNS=timeout", {"fault": "dns", "error": "timeout"}, least=0.9),
    Case("CONNECT=refuse", {"fault": "connect", "how": "refuse"}),
    Case("CONNECT=blackhole", {"fault": "connect", "how": "blackhole"}, least=0.9),
    Case("NETWORK=200ms", {"fault": "network", "delay": "200ms"}, {"late": LATE}, least=LATE),
    Case("NETWORK=3s", {"fault": "network", "delay": "3s"}, {"late": TOO_LATE}, least=0.9),
    Case("BANDWIDTH=40KB", {"fault": "bandwidth", "per_second": RATE}, {"rate": RATE}, least=0.35),
    Case("RESET=0", {"fault": "reset", "after": 0}, {"cut": 0}),
    Case("RESET=5000", {"fault": "reset", "after": 5000}, {"cut": 5000}),
    Case("TLS=handshake", {"fault": "tls", "how": "handshake"}, secure=True),
    Case("TLS=garbage", {"fault": "tls", "how": "garbage"}, secure=True),
)
UNTOUCHED = Case("untouched", {})
UNTOUCHED_TLS = Case("untouched, TLS", {}, secure=True)


def plan(clients: int) -> dict[str, Any]:
    """The faults of all cases; each hits its own events only.

    All clients share a bandwidth.
    """
    hosts = f"fault-*.{ZONE}"  # others are called as if there was no layer
    shared = {"per_second": RATE * clients}
    rules = [{**case.rule, "hosts": hosts, "match": {"case": case.name}} for case in CASES]
    rules = [rule | shared if rule["fault"] == "bandwidth" else rule for rule in rules]
    return {"faults": rules}


class Hosts:
    """A healthy host with all servers, and a bad host per case."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        self._stack = stack
        self.network = stack.enter_context(Network())
        self.authority = Authority(folder, f"*.{ZONE}")
        self._context = self.authority.server_context(folder)
        # It takes only a cipher that no client offers, so OpenSSL sends the alert.
        self._refusing = self.authority.server_context(folder)
        self._refusing.maximum_version = ssl.TLSVersion.TLSv1_2
        self._refusing.set_ciphers("ADH-AES256-GCM-SHA384:@SECLEVEL=0")
        database = upstreams.start_postgres(stack, self.network, self.authority)
        cache = upstreams.start_redis(stack, self.network, self.authority)
        store = b"*3\r\n$3\r\nSET\r\n$5\r\nvalue\r\n$%d\r\n%b\r\n" % (len(BODY), BODY)
        with socket.create_connection((cache.host, cache.port), 5) as client:
            client.sendall(store)
            assert client.recv(100) == b"+OK\r\n"
        self.ports = {
            "http": self._serve(upstreams.http_server(BODY)),
            "https": self._serve(upstreams.http_server(BODY, self._context)),
            "postgres": database.port,
            "redis": cache.port,
            "rediss": cache.tls_port,
        }
        stack.enter_context(
            upstreams.start_dns(self._address, self.network.address, network=self.network)
        )
        self._real: dict[str, dict[str, int]] = {}

    def _serve(self, serve: upstreams.Serve) -> int:
        server = upstreams.start_server(serve, self.network.address, network=self.network)
        return self._stack.enter_context(server).port

    def _address(self, name: str) -> str | None:
        """The DNS server's answers."""
        host = name.partition(".")[0]
        if not name.endswith(f".{ZONE}") or host == "real-dns-nxdomain":
            return None
        for answer in ("servfail", "timeout"):
            if host == f"real-dns-{answer}":
                return answer
        silent = host == "real-connect-blackhole"
        return self.network.silent if silent else self.network.address

    def resolv_conf(self) -> str:
        # The resolver gives up later than the clients: else chance decides who is first.
        return f"nameserver {self.network.address}\noptions timeout:2 attempts:1\n"

    def event(self, case: Case, *, real: bool) -> dict[str, Any]:
        """The event for calls of the healthy host, or the bad one.

        The fault hits calls of the healthy host; the bad host really behaves so.
        """
        ports = self._real_ports(case) if real else self.ports
        host = f"{'real' if real else 'fault'}-{case.name}.{ZONE}"
        hit = "" if real else case.name
        return {"host": host, "secure": case.secure, "case": hit, **ports}

    def _real_ports(self, case: Case) -> dict[str, int]:
        if case.name not in self._real:
            self._real[case.name] = self._start_real(case)
        return self._real[case.name]

    def _start_real(self, case: Case) -> dict[str, int]:
        if case.line is not None:
            return {name: self._bad_line(self.ports[name], case.line) for name in PORTS}
        if case.title == "CONNECT=refuse":
            closed = upstreams.free_port(self.network.address, self.network)
            return dict.fromkeys(PORTS, closed)
        if case.fault == "tls":
            refuse = self._without_common_cipher if "handshake" in case.title else _no_tls
            secure = self._serve(refuse)
            return {**dict.fromkeys(PORTS, secure), "postgres": self._serve(_asked_for_tls(refuse))}
        return self.ports

    def _bad_line(self, port: int, how: dict[str, Any]) -> int:
        line = upstreams.start_bad_line(self.network.address, port, network=self.network, **how)
        return self._stack.enter_context(line).port

    def _without_common_cipher(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._refusing.wrap_socket(connection, server_side=True)


def _no_tls(connection: socket.socket) -> None:
    """A server that speaks plain HTTP at the port of TLS."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def _asked_for_tls(refuse: Callable[[socket.socket], None]) -> upstreams.Serve:
    """PostgreSQL's beginning of TLS, which then fails."""

    def serve(connection: socket.socket) -> None:
        assert connection.recv(8) == struct.pack(">II", 8, 80877103)  # SSLRequest
        connection.sendall(b"S")
        refuse(connection)

    return serve
