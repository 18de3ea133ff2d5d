"""Idle connections to Lambda, kept for their next use.

A connection from the pool was open a moment ago. Lambda closes idle ones, so a request that fails
on a connection which was used before is sent again on a new one.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM
from time import sleep

from faultlayer.wire.sockets import Peer, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

    from faultlayer.wire.sockets import Address

_IDLE = 64  # connections kept for runtimes that open a connection per request
_SCARCE = (EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM)  # a moment later there may be some
_PAUSE = 0.05  # seconds between attempts to connect
_ATTEMPTS = 100


class Pool:
    """Idle connections to one address. `spares`: sockets that were not connected yet."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.spares: list[socket] = []
        self._idle: list[Peer] = []

    def get(self, spare: socket | None = None) -> tuple[Peer, bool]:
        """A connection, and true if it was used before. A spare that is not needed is kept."""
        while self._idle:
            try:
                peer = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not peer.stale():
                if spare is not None:
                    self.spares.append(spare)
                return peer, True
            peer.close()
        return self._connect(spare), False

    def _connect(self, spare: socket | None) -> Peer:
        """A new connection. If descriptors or ports are out, it waits some seconds for one."""
        for _ in range(_ATTEMPTS):
            try:
                return connect(self.address, spare)
            except OSError as error:
                if error.errno not in _SCARCE:
                    raise
            spare = None
            sleep(_PAUSE)
        return connect(self.address)

    def put(self, peer: Peer) -> None:
        """Keep a connection on which nothing is under way."""
        if len(self._idle) < _IDLE:
            self._idle.append(peer)
        else:
            peer.close()
