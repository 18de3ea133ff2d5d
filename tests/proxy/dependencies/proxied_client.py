"""A client of the proxy that sends and receives bytes."""

from __future__ import annotations

import socket

from faultlayer.dependencies.proxy_requests import authorization
from proxy.dependencies.redirected import CREDENTIALS, Redirected

AUTHORIZED = b"Proxy-Authorization: " + authorization(CREDENTIALS) + b"\r\n"


class Client:
    """A connection to the proxy."""

    def __init__(self, redirected: Redirected, timeout: float = 10) -> None:
        self.sock = socket.create_connection(("127.0.0.1", redirected.proxy_port), timeout=timeout)
        self._received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.sock.close()

    def send(self, line: str, more: bytes = b"", body: bytes = b"") -> None:
        """Send a request with the password."""
        self.sock.sendall(line.encode() + b" HTTP/1.1\r\n" + AUTHORIZED + more + b"\r\n" + body)

    def head(self) -> str:
        """The next head; raises EOFError if the connection ends before it."""
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def read(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._received) < count:
            self._receive()
        data, self._received = self._received[:count], self._received[count:]
        return data

    def rest(self) -> bytes:
        """All bytes until the end."""
        try:
            while True:
                self._receive()
        except EOFError:
            data, self._received = self._received, b""
            return data

    def _receive(self) -> None:
        data = self.sock.recv(1 << 16)
        if not data:
            raise EOFError(self._received[:200])
        self._received += data

    def tunnel(self, host: str) -> str:
        """Ask for a tunnel; the status line."""
        self.send(f"CONNECT {host}")
        return self.head().partition("\r\n")[0]
