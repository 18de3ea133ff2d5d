"""The connection to Lambda's Runtime API that serves one runtime connection.

Bytes pass as they came, both ways, and large bodies in constant memory. Lambda closes idle
connections: if one turns out to be closed, the request is sent again on a new one, and the runtime
notices nothing. If the runtime leaves while it waits for an event, the poll ends, so that no event
is fetched for nobody; its results are still sent.

Another thread may end the wait for an event (`end_wait`), to have the runtime given another one.
The poll itself stays open at Lambda, and with it the connection, until a later poll adopts it.
"""

from __future__ import annotations

from _thread import allocate_lock

from faultlayer.environment.memory import require_memory
from faultlayer.http import framing
from faultlayer.http.framing import UNTIL_CLOSE
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import MAX_EVENT, NEXT
from faultlayer.wire.early import EarlyResponse, partial_message
from faultlayer.wire.runtime_side import IN_ONE_PIECE
from faultlayer.wire.sockets import SIZE, Gone, duplex, stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from faultlayer.http.framing import Body
    from faultlayer.wire.pool import Pool
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.sockets import Peer

_GET = b"GET "
_HEAD = b"HEAD "


class _TooLong(Exception):
    """More has arrived than is buffered."""


class WaitEnded(Exception):
    """Another thread has ended the wait for an event; the poll is still open."""


class UpstreamSide:
    """The connection to Lambda, and the exchanges on it.

    `reused`: Lambda has answered on the present connection before.
    """

    __slots__ = (
        "_abandoned",
        "_broken",
        "_ends",
        "_in_response",
        "_lock",
        "_peer",
        "_pool",
        "_runtime",
        "_spare",
        "_waiting_for",
        "reused",
    )

    def __init__(self, runtime: RuntimeSide, pool: Pool, spare: socket | None = None) -> None:
        """`spare`: a socket for the first connection, so that a descriptor is certain."""
        self._runtime = runtime
        self._pool = pool
        self._spare = spare
        self._peer: Peer | None = None
        self.reused = False
        # Each is written by one thread, then the other's is read: one of the two always sees it.
        self._waiting_for = b""  # the request whose response is awaited
        self._abandoned = False  # the runtime has left
        self._ends = False  # Lambda ends the present connection with its last response
        self._broken = False  # Lambda ended the connection before the request was whole
        self._in_response = False  # a long response is arriving
        self._lock = allocate_lock()  # no connection is ended that already serves another runtime

    def notice_end(self) -> None:
        """Watch the runtime, to end the wait for an event if it leaves; may raise OSError."""
        self._runtime.notice_end(self._end_poll)

    # -- the connection -----------------------------------------------------------------------

    def _end_poll(self) -> None:
        """End the wait for an event: the runtime has left. Called from another thread."""
        self._abandoned = True
        with self._lock:
            if self._peer and self._waiting_for.startswith(_GET):
                self._peer.hang_up()

    def _is_abandoned(self, request: bytes) -> bool:
        """True if the runtime is gone and this request is only a poll for it.

        Results are still forwarded.
        """
        return self._abandoned and request.startswith(_GET)

    def end_wait(self) -> bool:
        """End the wait for an event, if there is one: its thread gets WaitEnded.

        Called from another thread. True if it has been ended.
        """
        with self._lock:
            if self._peer is None or self._abandoned or not self._waiting_for.startswith(NEXT):
                return False
            self._peer.interrupt()
        return True

    def _wait_for(self, request: bytes) -> None:
        """Note that the response to this request is awaited; raise Gone if nobody wants it."""
        self._waiting_for = request
        if self._is_abandoned(request):
            raise Gone("the runtime, in the middle of a response")

    def close(self, *, clean: bool) -> None:
        """Keep the connection for another runtime if nothing is under way on it; else end it."""
        spare, self._spare = self._spare, None
        if spare is not None:
            self._pool.spares.append(spare)
        peer = self._take_peer()
        if peer and clean:
            self._pool.put(peer)
        elif peer and self._in_response:
            peer.reset()
        elif peer:
            peer.close()

    def _take_peer(self) -> Peer | None:
        with self._lock:
            peer, self._peer = self._peer, None
        return peer

    def _drop(self) -> None:
        peer = self._take_peer()
        if peer:
            peer.close()

    def _connected(self) -> Peer:
        if self._peer is None:
            spare, self._spare = self._spare, None
            self._ends = False
            self._peer, self.reused = self._pool.get(spare)
        return self._peer

    def _ready(self) -> Peer:
        """The present connection, or a new one if the present one is of no use."""
        with self._lock:  # not while another thread ends a wait on it
            stale = self._peer is not None and (self._ends or self._peer.stale())
        if stale:
            self._drop()
        return self._connected()

    # -- whole requests -----------------------------------------------------------------------

    def send_and_peek(self, request: bytes) -> bytes:
        """Send a whole request; return the first bytes of the response.

        They are empty if Lambda has closed the connection. Raises Gone if the runtime leaves
        meanwhile, OSError if Lambda cannot be reached.
        """
        peer = self._peer or self._connected()
        self._waiting_for = request
        if self._abandoned and self._is_abandoned(request):
            raise Gone("the runtime, while waiting")
        try:
            peer.send(request)
            response = peer.recv(SIZE)
        except ConnectionError:
            response = peer.last_words()
        self._waiting_for = b""
        return response

    def read_response(self, request: bytes, first: bytes) -> Message:
        """The response that begins with the bytes which `send_and_peek(request)` returned.

        If there are none and the connection was used before, the request is sent again on a new
        one: Lambda closes idle connections. Raises WaitEnded if another thread has ended the wait.
        """
        while not first:
            if self._peer is not None and self._peer.noticed_interrupt():
                if request.startswith(NEXT):
                    raise WaitEnded
                first = self.wait_on(request)  # it was to end a wait that is over
                continue
            again = self.reused
            self._drop()
            if not again:
                raise Gone("upstream, without a response")
            first = self.send_and_peek(request)
        self.reused = True
        return self._response(self._connected(), first, request)

    def wait_on(self, request: bytes) -> bytes:
        """Wait for the response to a request that was sent; as `send_and_peek`."""
        peer = self._connected()
        self._wait_for(request)
        try:
            first = peer.recv(SIZE)
        except ConnectionError:
            first = peer.last_words()
        self._waiting_for = b""
        return first

    def leave_poll(self) -> Peer | None:
        """Let go of the connection whose poll is open; raises Gone if the runtime has left."""
        self._wait_for(_GET)
        self._waiting_for = b""
        return self._take_peer()

    def adopt(self, peer: Peer) -> None:
        """Go on with this connection to Lambda, on which a poll is open."""
        own = self._take_peer()
        if own is not None:
            self._pool.put(own)
        self._ends = False
        self._peer, self.reused = peer, True

    def send(self, request: bytes) -> Message:
        """Send a whole request; return the response as far as it has arrived."""
        return self.read_response(request, self.send_and_peek(request))

    def _awaited_response(self, peer: Peer, first: bytes, request: bytes) -> Message:
        first = first or peer.recv(SIZE)
        if not first:
            raise Gone("upstream, without a response")
        return self._response(peer, first, request)

    def _response(self, peer: Peer, data: bytes, request: bytes) -> Message:
        """The final response that begins with these bytes; interim ones go to the runtime."""
        with self._lock:  # from here on nobody ends the wait: the next steps belong together
            self._waiting_for = b""
            if peer.interruption is not None:
                peer.interruption.due = False
        while True:
            lowered, length = framing.scan(data)
            if not lowered:
                self._wait_for(request[: len(_GET)])
                data, lowered, length = peer.complete_head(data)
                self._waiting_for = b""
            status = framing.status_of(data)
            if status >= 200 or status == 101:
                break
            self._runtime.send(data[: len(lowered)])
            data = data[len(lowered) :] or peer.recv(SIZE)
            if not data:
                raise Gone("upstream, after an interim response")
        length = framing.check_response(length, status, to_head=request.startswith(_HEAD))
        self._ends = last = framing.closes(lowered) or length == UNTIL_CLOSE
        if 0 <= length <= IN_ONE_PIECE:
            if len(data) < len(lowered) + length:
                self._wait_for(request[: len(_GET)])
            data = peer.complete(data, len(lowered) + length)
            self._waiting_for = b""
            return Message(data, lowered, length, None, last)
        return partial_message(peer, data, lowered, length, last)

    # -- requests that pass -------------------------------------------------------------------

    def forward_request(self, request: Message) -> Message:
        """Send the runtime's request as it came; return the response as far as it has arrived."""
        if request.body is not None:
            return self._forward_long_request(request)
        if request.more:
            self._begin_with_all(request)
            return self.finish_request()
        return self.send(request.data)

    def _begin_with_all(self, request: Message) -> None:
        """Send all that has arrived of a request that was read ahead; it cannot be sent again."""
        send = self.begin_request(request.data)
        for piece in request.pieces():
            send(piece)

    def _forward_long_request(self, request: Message) -> Message:
        """Send a request while its body arrives; pass an early response on at once."""
        body = request.body
        assert body is not None
        client, first = self._runtime.peer, request.data
        if request.more:
            self._begin_with_all(request)
            first, self.reused = b"", False
        while True:
            peer = self._ready() if first else self._connected()
            early = EarlyResponse(client, peer, to_head=request.data.startswith(_HEAD))
            taken = duplex(client, peer, first, body, early.receive)
            if taken is None:
                self.reused = True
                return early.response or self._awaited_response(peer, early.head, request.data)
            if early.response is not None:
                client.linger()
            if taken or early.response or early.head or not self.reused:
                raise Gone("upstream, in the middle of a request")
            self._drop()

    # -- responses ----------------------------------------------------------------------------

    def forward_response(self, response: Message) -> bool:
        """Send a response to the runtime as it arrives; true if both connections stay open."""
        send = self._runtime.send
        send(response.data)
        for piece in response.pieces():
            send(piece)
        if response.body is not None:
            self._wait_for(_GET)
            self.read_rest(response, send)
            self._waiting_for = b""
        if response.last or (self._peer and self._peer.pending):
            self._drop()
        if response.last:
            self._runtime.peer.linger()
        return not response.last

    def read_rest(self, response: Message, sink: Callable[[bytes], object]) -> None:
        """Give the part of a response that has not arrived yet to `sink`, as it arrives."""
        if response.body is not None and self._peer is not None:
            self._stream(self._peer, response.body, sink)

    def _stream(
        self, peer: Peer, body: Body, sink: Callable[[bytes], object], *, kept: bool = False
    ) -> None:
        self._in_response = True
        stream(peer, body, sink, kept=kept)
        self._in_response = False

    def buffer_event(self, event: Message) -> bytes | None:
        """Read an event to its end; return its content, or None if no event can be so long.

        The message keeps the bytes read here, and is forwarded with them, also if memory runs
        short and MemoryError is raised.
        """
        if event.length > MAX_EVENT:
            return None
        if event.body is not None:
            self._read_on(event)
        return event.content() if event.body is None else None

    def _read_on(self, event: Message) -> None:
        """Read an event to its end, or until it is longer than any can be."""
        body, more = event.body, list(event.more)
        assert body is not None
        event.more = more
        size = len(event.data) + sum(map(len, more))

        def keep(data: bytes) -> None:
            nonlocal size
            more.append(data)
            before, size = size, size + len(data)
            if size > MAX_EVENT:
                raise _TooLong
            require_memory(before, size)

        try:
            if self._peer is not None and size <= MAX_EVENT:
                self._wait_for(_GET)
                self._stream(self._peer, body, keep, kept=True)
                self._waiting_for = b""
                event.body = None
        except _TooLong:
            pass

    # -- requests of our own, in pieces -------------------------------------------------------

    def begin_request(self, head: bytes) -> Callable[[bytes], object]:
        """Begin a request with these bytes; return the function that sends the rest of it.

        End it with `finish_request`. If Lambda closes the connection before the request is whole,
        the rest is dropped, and `finish_request` returns Lambda's response.
        """
        peer = self._ready()
        self._broken = False

        def send(data: bytes) -> None:
            if not self._broken:
                try:
                    peer.send(data)
                except ConnectionError:
                    self._broken = True

        send(head)
        return send

    def finish_request(self) -> Message:
        """The response to the request that was begun."""
        peer = self._connected()
        self.reused = True
        first = peer.last_words() if self._broken else b""
        response = self._awaited_response(peer, first, b"")
        response.last = response.last or self._broken
        return response
