"""The Extensions API: register for SHUTDOWN, then wait for it.

Registered for SHUTDOWN alone: an INVOKE subscription would hold back the end of every invocation,
and Lambda Managed Instances refuse it.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

from _socket import AF_INET, SOCK_CLOEXEC, SOCK_STREAM, socket

NAME = b"faultlayer"
_BODY = b'{"events":["SHUTDOWN"]}'
_IDENTIFIER = b"\nlambda-extension-identifier:"
_ATTEMPTS = 10


class Refused(Exception):
    """The Extensions API did not accept the registration."""


class Extension:
    """A registration. Bare sockets: this runs before Lambda starts the runtime."""

    def __init__(self, host: str, port: int) -> None:
        """Connect and register; raises OSError or Refused."""
        self._address = host, port
        head = self._ask(
            b"POST /2020-01-01/extension/register HTTP/1.1\r\nHost: %b\r\n"
            b"Lambda-Extension-Name: %b\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (self._host(), NAME, len(_BODY), _BODY)
        )
        at = head.lower().find(_IDENTIFIER)
        if head[9:12] != b"200" or at < 0:
            raise Refused(f"the Extensions API answered {head[9:12].decode('latin-1')!r}")
        at += len(_IDENTIFIER)
        self._identifier = head[at : head.find(b"\n", at)].strip()

    def _host(self) -> bytes:
        return b"%b:%d" % (self._address[0].encode(), self._address[1])

    def _ask(self, request: bytes) -> bytes:
        """The head of the response. Each request has its own connection: no body need be read."""
        sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
        try:
            sock.connect(self._address)
            sock.sendall(request)
            data = b""
            while (end := data.find(b"\r\n\r\n")) < 0:
                more = sock.recv(4096)
                if not more:
                    raise Refused("the Extensions API closed the connection")
                data += more
            return data[: end + 2]
        finally:
            sock.close()

    def wait(self) -> None:
        """Return when Lambda shuts the environment down, or the API is gone.

        If a connection ends without a response, as after a restore from a snapshot, the request is
        sent again: an extension that exits takes the environment with it. If the API is gone, all
        attempts fail at once.
        """
        request = (
            b"GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: %b\r\n"
            b"Lambda-Extension-Identifier: %b\r\n\r\n" % (self._host(), self._identifier)
        )
        for _ in range(_ATTEMPTS):
            try:
                self._ask(request)
                return
            except (OSError, Refused):
                pass
