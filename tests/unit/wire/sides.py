"""Both sides of the proxy on real loopback connections, and a scripted Lambda behind them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from faultlayer.startup import relay
from faultlayer.startup.listener import LOOPBACK, listen
from faultlayer.wire.pool import Pool
from faultlayer.wire.runtime_side import RuntimeSide
from faultlayer.wire.sockets import Peer, Watch
from faultlayer.wire.upstream_side import UpstreamSide

Pair = tuple[Peer, socket.socket]  # a connection, and its other end
CLOSE = None  # in a script: close the connection without a response


@dataclass
class Sides:
    """A runtime's socket, and the two sides that serve it; `got`: what Lambda was sent."""

    client: socket.socket
    runtime: RuntimeSide
    upstream: UpstreamSide
    watch: Watch
    got: list[bytes] = field(default_factory=list)


def accept(listener: Any) -> Peer:
    """The next connection to the listener."""
    return Peer(relay.accept(listener))


def _answer(listener: Any, scripts: list[list[bytes | None]], got: list[bytes]) -> None:
    """One script for each connection: what it sends after each receive."""
    for script in scripts:
        try:
            peer = accept(listener)
        except OSError:  # the test is over, and nobody came
            return
        for response in script:
            got.append(peer.recv(65536))
            if response is None:
                break
            peer.send(response)
        else:
            continue  # stays open
        peer.close()


@contextmanager
def sides(*scripts: list[bytes | None]) -> Iterator[Sides]:
    """The sides of one runtime connection, and Lambda, which follows the scripts."""
    listener, port = listen(0)
    upstream_listener, upstream_port = listen(0)
    client = socket.create_connection((LOOPBACK, port), timeout=20)
    with closing(listener), closing(upstream_listener), client:
        watch = Watch()
        runtime = RuntimeSide(accept(listener), watch)
        upstream = UpstreamSide(runtime, Pool((LOOPBACK, upstream_port)))
        upstream.notice_end()
        found = Sides(client, runtime, upstream, watch)
        given = (upstream_listener, list(scripts), found.got)
        threading.Thread(target=_answer, args=given, daemon=True).start()
        yield found
        upstream.close(clean=False)
