"""The hosts for functions under test: each answers, or fails, as named."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import upstreams

PING = b"*1\r\n$4\r\nPING\r\n"


def ask(host: str, port: int, question: bytes, timeout: float = 5) -> bytes:
    with socket.create_connection((host, port), timeout) as client:
        client.sendall(question)
        return client.recv(65536)


@pytest.mark.whole
@pytest.mark.xdist_group("upstreams")
def test_programs_run_on_another_host_and_end(tmp_path: Path) -> None:
    with upstreams.Network() as network:
        authority = upstreams.Authority(tmp_path, "db.test")
        context = ssl.create_default_context()
        host = network.address
        context.load_verify_locations(authority.path)
        with ExitStack() as stack:
            redis = upstreams.start_redis(stack, network, authority)
            assert ask(host, redis.port, PING) == b"+PONG\r\n"
            line = socket.create_connection((host, redis.tls_port), 5)
            with context.wrap_socket(line, server_hostname="db.test") as client:
                client.sendall(PING)
                assert client.recv(100) == b"+PONG\r\n"
            database = upstreams.start_postgres(stack, network, authority)
            line = socket.create_connection((host, database.port), 5)
            line.sendall(struct.pack(">II", 8, 80877103))  # SSLRequest
            assert line.recv(1) == b"S"
            context.wrap_socket(line, server_hostname="db.test").close()
        with pytest.raises(ConnectionRefusedError):
            ask(host, redis.port, PING)
        with pytest.raises(TimeoutError):
            socket.create_connection((network.silent, 80), 0.3)
        names = {"db.test": host, "bad.test": "servfail", "slow.test": "timeout"}
        with upstreams.start_dns(names.get, host, network=network):
            for name, code in (("db.test", 0), ("bad.test", 2), ("none.test", 3)):
                assert asked(host, name)[3] & 15 == code
            assert asked(host, "db.test").endswith(socket.inet_aton(host))
            with pytest.raises(TimeoutError):
                asked(host, "slow.test")


def asked(host: str, name: str) -> bytes:
    labels = b"".join(b"%c%s" % (len(part), part.encode()) for part in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(0.3)
        line.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1", (host, 53))
        return line.recv(512)


def test_a_bad_line_is_late_slow_or_cut() -> None:
    body = b"x" * 4000
    with upstreams.start_server(upstreams.http_server(body)) as server:
        for how, least in (({"late": 0.2}, 0.2), ({"rate": 10_000}, 0.3)):
            with upstreams.start_bad_line("127.0.0.1", server.port, **how) as line:
                began, got = time.monotonic(), b""
                with socket.create_connection((line.host, line.port), 5) as client:
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    while len(got) < len(body):
                        got += client.recv(65536)
                assert time.monotonic() - began > least
                assert got.startswith(b"HTTP/1.1 200 OK")
        for cut in (0, 100):
            with upstreams.start_bad_line("127.0.0.1", server.port, cut=cut) as line:
                got = b""
                with (
                    pytest.raises(ConnectionResetError),
                    socket.create_connection((line.host, line.port), 5) as client,
                ):
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    while piece := client.recv(65536):
                        got += piece
                assert len(got) <= cut
