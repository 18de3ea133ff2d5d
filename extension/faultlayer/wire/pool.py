"""Upstream connections that wait for their next use.

It promises that a connection it hands out was open a moment ago, and says whether it is fresh:
upstream closes idle ones, and what is asked on one that it has closed is asked again.
"""

from __future__ import annotations

from faultlayer.wire.sockets import Peer, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.wire.sockets import Address

_IDLE = 64  # connections kept for runtimes that open a connection per request


class Pool:
    """Upstream connections waiting for their next use."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[Peer] = []

    def get(self) -> tuple[Peer, bool]:
        """A connection, and whether it was in use before."""
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
