"""The data path: receive, decide, act, forward. A thread for each runtime connection.

It promises that what no fault is due for passes byte for byte, that a delayed invocation delays
no other, and that nothing a peer sends ends the proxy. One thread reads and writes both sides of
a connection: handing over between threads would cost more than everything else here.
"""

from __future__ import annotations

import _thread
import gc

from faultlayer.executor import Executor, Pending
from faultlayer.http1 import ProtocolError, whole
from faultlayer.link import Link, Message, Pool
from faultlayer.log import emit
from faultlayer.runtime_api import ERROR, INVOCATION, NEXT, RESPONSE, target
from faultlayer.sockets import SIZE, Gone, Watch, accept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

    from faultlayer.aim import Aim, Hits
    from faultlayer.sockets import Address, Peer

_EVENT = b"http/1.1 200"
_STACK = 1 << 20  # bytes; reserved, not touched
_MAX_PENDING = 4096  # invocations whose runtimes never answered are forgotten, oldest first


class Proxy:
    """What all connections share."""

    def __init__(self, upstream: Address, aim: Aim) -> None:
        self.pool = Pool(upstream)
        self.watch = Watch()
        self.host = b"%b:%d" % (upstream[0].encode(), upstream[1])
        self.decide = aim.decide
        self.dry_run = aim.dry_run
        self.pending: dict[str, Pending] = {}

    def remember(self, pending: Pending) -> None:
        """Keep what is to be done about an answer until it comes."""
        if len(self.pending) >= _MAX_PENDING:
            self.pending.pop(next(iter(self.pending)), None)
        self.pending[pending.request_id] = pending

    def handle(self, client: Peer) -> None:
        """Serve one runtime connection to its end."""
        link = Link(client, self.pool, self.watch)
        clean = False
        try:
            exchange = Connection(self, link).exchange
            while exchange():
                pass
            clean = True
        except (Gone, OSError, ProtocolError):
            pass  # one peer has left or makes no sense: nobody is there to be told
        except Exception as error:
            _internal(error)
        finally:
            link.close(clean=clean)


def _internal(error: Exception) -> None:
    emit("error", "internal_error", message=type(error).__name__)


class Connection:
    """The exchanges of one runtime connection, one after the other."""

    __slots__ = ("_client", "_executor", "_link", "_poll", "_proxy")

    def __init__(self, proxy: Proxy, link: Link) -> None:
        self._proxy = proxy
        self._link = link
        self._client = link.client
        self._executor = Executor(link, proxy.host)
        self._poll = b""  # the request for the next event, which a runtime never varies

    def exchange(self) -> bool:
        """One request and its answer; whether another may follow."""
        client, link = self._client, self._link
        data = client.take() if client.pending else client.recv(SIZE)
        if data == self._poll:
            return self._next(data) if data else False
        if not data:
            return False
        if data.startswith(INVOCATION) and (lowered := whole(data)):
            if self._proxy.pending:
                return self._outcome(Message(data, lowered, len(data) - len(lowered)))
            return link.deliver(link.ask_whole(data))
        request = link.request(data)
        if request.data.startswith(NEXT) and request.body is None:
            self._poll = request.data
            return self._next(request.data)
        if request.data.startswith(INVOCATION):
            return self._outcome(request)
        return link.deliver(link.ask(request))

    def _next(self, request: bytes) -> bool:
        """`GET /runtime/invocation/next`: until there is an event that the function may see."""
        link, proxy = self._link, self._proxy
        while True:
            event = link.ask_whole(request, True)
            try:
                hits = proxy.decide(event.data, event.lowered)
            except Exception as error:  # a fault that breaks hits nothing: the function runs
                _internal(error)
                break
            if hits is None or not event.lowered.startswith(_EVENT):
                break
            if self._act(hits, event):
                break
        return link.deliver(event)

    def _act(self, hits: Hits, event: Message) -> bool:
        """Let what hits the invocation act before the function; whether it still runs."""
        if self._proxy.dry_run:
            hits.log_dry_run()
            return True
        pending = self._executor.before(hits, event)
        if pending is not None and pending.hits:
            self._proxy.remember(pending)
        return pending is not None

    def _outcome(self, request: Message) -> bool:
        """`POST /runtime/invocation/{id}/response` or `…/error`."""
        link = self._link
        request_id, what = target(request.data)
        pending = None
        if what in (RESPONSE, ERROR):
            pending = self._proxy.pending.pop(request_id, None)
        if pending is None:
            return link.deliver(link.ask(request))
        return link.deliver(self._executor.after(pending, what, request))


def serve(listener: socket, upstream: Address, aim: Aim) -> None:
    """Accept runtime connections from now on, in a thread of its own."""
    proxy = Proxy(upstream, aim)
    _thread.stack_size(_STACK)
    gc.freeze()
    _thread.start_new_thread(proxy.watch.run, ())
    _thread.start_new_thread(_accept, (listener, proxy))


def _accept(listener: socket, proxy: Proxy) -> None:
    while True:
        try:
            client = accept(listener)
        except OSError as error:  # out of descriptors, or a client that left in the queue
            _internal(error)
            continue
        _thread.start_new_thread(proxy.handle, (client,))
