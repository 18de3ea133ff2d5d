"""The Extensions API: register for SHUTDOWN, then wait for it.

Registered for SHUTDOWN alone: an INVOKE subscription would hold back the end of every invocation,
and Lambda Managed Instances refuse it. A registered extension that ends takes the function with it,
so what waiting needs is taken before registering, and a lack of descriptors is waited out.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

from _socket import AF_INET, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_STREAM, socket
from errno import EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from faultlayer.startup.relay import Loop

    T = TypeVar("T")

NAME = b"faultlayer"
_BODY = b'{"events":["SHUTDOWN"]}'
_IDENTIFIER = b"\nlambda-extension-identifier:"
_ATTEMPTS = 10
_SCARCE = (EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM)  # a moment later there may be some
_PAUSE = 0.05  # seconds between two tries of a system call
_TRIES = 100  # of a system call before the registration: Lambda waits 10 s for it
_READABLE = 1  # POLLIN


class Refused(Exception):
    """The Extensions API did not accept the registration."""


def _try(call: Callable[[], T], tries: int) -> T:
    """The result of this system call, which is tried again if something is scarce."""
    while True:
        try:
            return call()
        except OSError as error:
            tries -= 1
            if error.errno not in _SCARCE or not tries:
                raise
        sleep(_PAUSE)


def _socket() -> socket:
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)


def _close(sock: socket) -> None:
    try:
        sock.close()
    except OSError:  # it is closed all the same
        pass


class Extension:
    """A registration. Bare sockets: this runs before Lambda starts the runtime.

    `over`: Lambda shuts the environment down, or the API is gone.
    """

    def __init__(self, host: str, port: int) -> None:
        """Take the sockets that are needed; raises OSError if there are none."""
        self._address = host, port
        self._registering = _try(_socket, _TRIES)
        self._waiting = _try(_socket, _TRIES)
        self._loop: Loop | None = None
        self._request = self._received = b""
        self._attempts = _ATTEMPTS
        self.over = False

    def register(self) -> None:
        """Register; raises OSError or Refused."""
        host = b"%b:%d" % (self._address[0].encode(), self._address[1])
        sock = self._registering
        try:
            self._send(
                sock,
                b"POST /2020-01-01/extension/register HTTP/1.1\r\nHost: %b\r\n"
                b"Lambda-Extension-Name: %b\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (host, NAME, len(_BODY), _BODY),
                _TRIES,
            )
            head = b""
            while head.find(b"\r\n\r\n") < 0:
                more = _try(lambda: sock.recv(4096), _TRIES)
                if not more:
                    raise Refused("the Extensions API closed the connection")
                head += more
        finally:
            _close(sock)
        at = head.lower().find(_IDENTIFIER)
        if head[9:12] != b"200" or not 0 <= at < head.find(b"\r\n\r\n"):
            raise Refused(f"the Extensions API answered {head[9:12].decode('latin-1')!r}")
        at += len(_IDENTIFIER)
        self._request = (
            b"GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: %b\r\n"
            b"Lambda-Extension-Identifier: %b\r\n\r\n"
        ) % (host, head[at : head.find(b"\n", at)].strip())

    def _send(self, sock: socket, request: bytes, tries: int) -> None:
        """Each request has its own connection: no body of a response need be read."""
        _try(lambda: sock.connect(self._address), tries)
        _try(lambda: sock.sendall(request), tries)

    # -- waiting ------------------------------------------------------------------------------

    def wait(self, loop: Loop | None = None) -> None:
        """Return once it is over; serve this loop meanwhile, if there is one.

        If a connection ends without a response, as after a restore from a snapshot, the request is
        sent again: an extension that exits takes the environment with it. If the API is gone, all
        attempts fail at once.
        """
        self._loop = loop
        self._ask()
        while not self.over:
            if loop is None:
                self._receive()
            else:
                loop.turn()

    def _ask(self) -> None:
        """Send the request for the next event."""
        while not self.over:
            try:
                self._send(self._waiting, self._request, 0)
            except OSError:
                self._start_anew()
            else:
                if self._loop is not None:
                    self._loop.add(self._waiting.fileno(), _READABLE, self._receive)
                return

    def _start_anew(self) -> None:
        """Take another socket for another attempt, if any is left."""
        self._received = b""
        self._attempts -= 1
        self.over = self._attempts == 0
        _close(self._waiting)
        if not self.over:
            self._waiting = _try(_socket, 0)

    def _receive(self) -> None:
        """Receive a part of the response. Its head is enough: the only event is SHUTDOWN."""
        try:
            more = self._waiting.recv(4096, 0 if self._loop is None else MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _SCARCE:
                sleep(_PAUSE)
                return
            more = b""
        if more:
            self._received += more
            self.over = self._received.find(b"\r\n\r\n") >= 0
            return
        if self._loop is not None:
            self._loop.remove(self._waiting.fileno())
        self._start_anew()
        self._ask()
