"""A loopback port here for a function in a container on another machine.

    caller --> loopback port --> engine's connection --> a process in the container --> function

The port is on the loopback address alone. Every byte passes, both ways. Each connection starts one
process in the container; no network between the two machines is needed but the engine's own.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

# Under the layer's own interpreter, since the image need not have one; with its built-in modules.
PROGRAM = """
import _socket, posix, select
there = _socket.socket()
there.connect(("127.0.0.1", 8080))
poll = select.poll()
poll.register(0, select.POLLIN)
poll.register(there, select.POLLIN)
while True:
    for number, events in poll.poll():
        if number == 0 and (piece := posix.read(0, 65536)):
            there.sendall(piece)
        elif number == 0:
            poll.unregister(0)
            there.shutdown(_socket.SHUT_WR)
        elif piece := there.recv(65536):
            while piece:
                piece = piece[posix.write(1, piece):]
        else:
            posix._exit(0)
"""
COMMAND = ("/opt/faultlayer/bin/python3", "-ISc", PROGRAM)


class FarEnd(Protocol):
    """A connection to the process in the container."""

    @property
    def pieces(self) -> Iterator[bytes]: ...

    def send(self, piece: bytes) -> None: ...

    def close(self) -> None: ...


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class Relay:
    """Listens until it is closed; `dial` opens the other end of each connection."""

    def __init__(self, address: tuple[str, int], dial: Callable[[], FarEnd]) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _join(self.request, dial)

        self._server = _Server(address, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.daemon = True
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _join(near: socket.socket, dial: Callable[[], FarEnd]) -> None:
    """Pass bytes until the far end is done; tell the far end when the near end is."""
    with contextlib.suppress(Exception):  # the caller gets no answer, and reports it
        far = dial()
        threading.Thread(target=_send, args=(near, far), daemon=True).start()
        with contextlib.closing(far):
            for piece in far.pieces:
                near.sendall(piece)


def _send(near: socket.socket, far: FarEnd) -> None:
    with contextlib.suppress(OSError):
        while piece := near.recv(65536):
            far.send(piece)
    far.close()
