"""The proxy's two connections without a network: pieces go in, and what is sent is kept.

It promises that a whole connection is served in one thread, the same each time: a wait that would
never end is an error.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from random import Random
from typing import Any

import h11

from faultlayer.http.framing import ProtocolError
from faultlayer.proxy import Connection, Proxy
from faultlayer.settings.variables import read_environment
from faultlayer.wire.runtime_side import RuntimeSide
from faultlayer.wire.sockets import Gone, Peer
from faultlayer.wire.upstream_side import UpstreamSide

MOST = 8 << 20  # bytes of a head that h11 waits for
_NEVER = {"FAULTLAYER_LATENCY": "1ms", "FAULTLAYER_LATENCY_RATE": "0.000000000000001"}
_CHOOSER = read_environment(_NEVER).chooser
assert _CHOOSER is not None


class Stuck(AssertionError):
    """Somebody waits for what nobody will send."""


def pieces(data: bytes, how: int) -> list[bytes]:
    """The data as it arrives: in one piece, byte by byte, or in pieces that `how` decides."""
    if how % 3 == 0:
        return [data] if data else []
    if how % 3 == 1 and len(data) < 2000:
        return [data[at : at + 1] for at in range(len(data))]
    random, found, at = Random(how), [], 0
    while at < len(data):
        size = random.choice((1, 2, 3, 7, 50, 1000))
        found.append(data[at : at + size])
        at += size
    return found


class End:
    """What stands for a socket: `arriving` is received piece by piece, `sent` gets the rest.

    `hear` is given what is sent. Ended: after the last piece comes the end of the stream.
    """

    def __init__(
        self,
        arriving: list[bytes],
        *,
        ended: bool,
        hear: Callable[[bytes], None] = lambda data: None,
    ) -> None:
        self._arriving = arriving
        self._ended = ended
        self._hear = hear
        self.sent = bytearray()
        # Real ones, to be polled: readable while there is something to receive.
        self._near, self._far = socket.socketpair()
        self._readable = False
        self._show()

    def _show(self) -> None:
        readable = bool(self._arriving) or self._ended
        if readable and not self._readable:
            self._far.send(b".")
        elif self._readable and not readable:
            self._near.recv(9)
        self._readable = readable

    def arrive(self, data: bytes, *, last: bool = False) -> None:
        self._arriving.append(data)
        self._ended = self._ended or last
        self._show()

    # What the proxy calls

    def fileno(self) -> int:
        return self._near.fileno()

    def setsockopt(self, *given: int) -> None:
        pass

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not self._arriving:
            if self._ended:
                return b""
            if flags & socket.MSG_DONTWAIT:
                raise BlockingIOError
            raise Stuck("a wait without end")
        data = self._arriving[0][:size]
        if not flags & socket.MSG_PEEK:
            rest = self._arriving.pop(0)[size:]
            if rest:
                self._arriving.insert(0, rest)
            self._show()
        return data

    def recv_into(self, buffer: Any) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: Any, flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def sendall(self, data: Any) -> None:
        self.sent += data
        self._hear(bytes(data))

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        self._near.close()
        self._far.close()


class Server:
    """An upstream that answers each request which h11 finds whole; `accepted`: bytes of those."""

    def __init__(self) -> None:
        self._conn = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
        self._given = 0
        self.accepted = 0
        self.over = False
        self.end = End([], ended=False, hear=self.hear)

    def hear(self, data: bytes) -> None:
        if self.over or not data:  # nothing would mean the end
            return
        self._given += len(data)
        try:
            self._conn.receive_data(data)
            while not self.over:
                event = self._conn.next_event()
                if event in (h11.NEED_DATA, h11.PAUSED):
                    return
                if isinstance(event, h11.Request) and not event.http_version.startswith(b"1."):
                    raise h11.RemoteProtocolError("not HTTP/1")  # h11 takes HTTP/0.1 too
                if isinstance(event, h11.EndOfMessage):
                    self._answer()
        except h11.RemoteProtocolError:
            self.over = True
            said = b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            self.end.arrive(said, last=True)

    def _answer(self) -> None:
        conn = self._conn
        self.accepted = self._given - len(conn.trailing_data[0])
        conn.send(h11.Response(status_code=202, headers=[("Content-Length", "0")]))
        conn.send(h11.EndOfMessage())
        self.over = conn.our_state is h11.MUST_CLOSE
        close = b"Connection: close\r\n" if self.over else b""
        self.end.arrive(b"HTTP/1.1 202 Ok\r\n%bContent-Length: 0\r\n\r\n" % close, last=self.over)
        if not self.over:
            conn.start_next_cycle()


class _Watch:
    def add(self, peer: Peer, left: Callable[[], None]) -> None:
        pass

    def remove(self, peer: Peer) -> None:
        pass


class _Pool:
    def __init__(self, make: Callable[[], End]) -> None:
        self._make = make

    def get(self, spare: None) -> tuple[Peer, bool]:
        return Peer(self._make()), False  # type: ignore[arg-type]

    def put(self, peer: Peer) -> None:
        peer.close()


_PROXY = Proxy(("127.0.0.1", 9001), _CHOOSER, 9747)  # what connections share; it connects nowhere


def serve(
    client: End, upstream: Callable[[], End], connection: type[Connection] = Connection
) -> None:
    """One runtime connection, from its first byte to its end, with no fault due."""
    runtime = RuntimeSide(Peer(client), _Watch())  # type: ignore[arg-type]
    lambda_side = UpstreamSide(runtime, _Pool(upstream))  # type: ignore[arg-type]
    clean = False
    try:
        connection(_PROXY, runtime, lambda_side).serve()
        clean = True
    except (Gone, OSError, ProtocolError):
        pass
    finally:
        runtime.close()
        lambda_side.close(clean=clean)
