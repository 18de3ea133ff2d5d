"""Idle connections to Lambda, kept for their next use.

A connection from the pool was open a moment ago. Lambda closes idle ones, so a request that fails
on a connection which was used before is sent again on a new one.
"""

from __future__ import annotations

from faultlayer.wire.sockets import Peer, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.wire.sockets import Address

_IDLE = 64  # connections kept for runtimes that open a connection per request


class Pool:
    """Idle connections to one address."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[Peer] = []

    def get(self) -> tuple[Peer, bool]:
        """A connection, and true if it was used before."""
        while self._idle:
            try:
                peer = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not peer.stale():
                return peer, True
            peer.close()
        return connect(self.address), False

    def put(self, peer: Peer) -> None:
        """Keep a connection on which nothing is under way."""
        if len(self._idle) < _IDLE:
            self._idle.append(peer)
        else:
            peer.close()
