"""The data path: receive, decide, act, forward. A thread for each runtime connection.

It promises that what no fault is due for passes byte for byte, that a delayed invocation delays
no other, and that nothing a peer sends ends the proxy. One thread reads and writes both sides of
a connection: handing over between threads would cost more than everything else here.
"""

from __future__ import annotations

import _thread
import gc
from time import sleep

from faultlayer.acting.executor import Executor
from faultlayer.acting.pending import Pending
from faultlayer.http.framing import ProtocolError
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import ERROR, INVOCATION, NEXT, RESPONSE, RESTORE, target
from faultlayer.log import emit
from faultlayer.startup.listener import LOOPBACK
from faultlayer.wire.link import Link
from faultlayer.wire.pool import Pool
from faultlayer.wire.sockets import SIZE, Gone, Watch, accept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.cold_start import Start
    from faultlayer.acting.redelivery import Deliveries
    from faultlayer.settings.configuration import Config
    from faultlayer.settings.live import Live
    from faultlayer.startup.listener import Listener
    from faultlayer.targeting.choose import Aim
    from faultlayer.targeting.injection import Hits
    from faultlayer.wire.sockets import Address, Peer

_OK = b"http/1.1 20"
_STACK = 8 << 20  # bytes, reserved, not touched: JSON nests as deep as CPython's C stack allows
_PAUSE = 0.05  # seconds between attempts while no connection can be accepted
_MAX_PENDING = 4096  # invocations whose runtimes never answered are forgotten, oldest first


class Proxy:
    """What all connections share."""

    def __init__(self, upstream: Address, aim: Aim | Live, port: int) -> None:
        self.pool = Pool(upstream)
        self.runtime_api = b"%b:%d" % (LOOPBACK.encode(), port)  # as runtimes know it
        self.watch = Watch()
        self.host = b"%b:%d" % (upstream[0].encode(), upstream[1])
        self.aim = aim
        self.pending: dict[str, Pending] = {}
        self.due: list[Deliveries] = []  # of events that are to be given again
        self.held = False  # whether anything of the sandbox was ever held
        self.reached = False  # whether any runtime has asked for anything here
        self.start: Start | None = None  # what is to be done about this environment's start

    def handle(self, client: Peer) -> None:
        """Serve one runtime connection to its end."""
        clean = False
        try:
            link = Link(client, self.pool, self.watch)
        except Exception as error:  # out of memory, or of what may be watched
            _internal(error)
            client.close()
            return
        try:
            Connection(self, link).serve()
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

    __slots__ = ("_client", "_executor", "_link", "_pending", "_poll", "_proxy")

    def __init__(self, proxy: Proxy, link: Link) -> None:
        self._proxy = proxy
        self._pending = proxy.pending
        self._link = link
        self._client = link.client
        self._executor = Executor(link, proxy.host, proxy.runtime_api)
        self._poll = b""  # the request for the next event, which a runtime never varies

    def serve(self) -> None:
        """Serve the runtime until it leaves.

        What every invocation without a fault needs is done here, in a line each, since a call
        costs about a microsecond between two system calls (and `in`, on bytes, an exception that
        CPython raises and clears: hence `find`). What looks unusual in any way goes
        to `_exchange` or `_forward` instead, which judge it with care.
        """
        link, client, pending = self._link, self._client, self._pending
        receive, reply, tell, proxy = client.recv, client.send, link.tell, self._proxy
        accepted: bytes | None = None
        poll = b""
        while True:
            data = client.take() if client.pending else receive(SIZE)
            if data != poll or pending:  # then this may be who gets an event again
                end = data.find(b"\n\r\n") + 3
                head = data[:end].lower()
                at = head.find(b"\ncontent-length: %d\r\n" % (len(data) - end))
                if (
                    at < 0
                    or head.count(b"content-length") != 1
                    or head.find(b"transfer-encoding") >= 0
                    or head.find(b"\n\n") >= 0
                    or pending
                    or not data.startswith(INVOCATION)
                ):
                    if data and self._exchange(data):
                        poll = self._poll
                        continue
                    return
            elif not data:
                return
            answer = tell(data)
            if answer != accepted:  # as the answers to answers are, within a second
                end = answer.find(b"\n\r\n") + 3
                head = answer[:end].lower()
                at = head.find(b"\ncontent-length: %d\r\n" % (len(answer) - end))
                if (
                    at < 0
                    or head.count(b"content-length") != 1
                    or head.find(b"transfer-encoding") >= 0
                    or head.find(b"\n\n") >= 0
                    or head.find(b"close") >= 0
                    or not head.startswith(_OK)
                ):
                    if self._forward(data, link.resume(data, answer)):
                        continue
                    return
                if data != poll:
                    accepted = answer
                    link.reused = True
                elif (hits := proxy.aim.decide(answer, head)) is not None:
                    if self._hit(data, Message(answer, head, len(answer) - end), hits):
                        continue
                    return
            reply(answer)

    def _exchange(self, data: bytes) -> bool:
        """One request, of any kind, and its answer; whether another may follow."""
        link = self._link
        request = link.request(data)
        self._proxy.reached = True
        if request.data.startswith(NEXT) and request.body is None:
            if request.data != self._poll:
                self._poll = request.data
                if self._proxy.start is not None:
                    self._proxy.start.attend(link, self._proxy.host)
                self._proxy.aim.awaited()
            if self._proxy.held:
                from faultlayer.acting.hold import release_overdue

                release_overdue()
            if self._proxy.due and (event := self._again()):
                return link.deliver(event)
            return self._forward(self._poll, link.ask(request))
        if self._pending and request.data.startswith(INVOCATION):
            request_id, what = target(request.data)
            if what in (RESPONSE, ERROR):
                pending = self._pending.pop(request_id, None)
                if pending is not None:
                    return link.deliver(self._answered(pending, what, request))
        answer = link.ask(request)
        if request.data.startswith(RESTORE):
            self._proxy.aim.renew()
            if self._proxy.start is not None:
                self._proxy.start.restored = True
        return link.deliver(answer)

    def _answered(self, pending: Pending, what: bytes, request: Message) -> Message:
        """What is said to the function's answer, or to one of its answers, to an invocation."""
        try:
            if pending.deliveries:
                return self._delivered(pending, what, request)
            return self._executor.after(pending, what, request)
        finally:
            if self._pending.get(pending.request_id) is not pending:
                pending.release()

    def _delivered(self, pending: Pending, what: bytes, request: Message) -> Message:
        """What is said to an answer that may not be the last one to this event."""
        from faultlayer.acting.redelivery import accepted

        deliveries = pending.deliveries
        assert deliveries is not None
        if not deliveries.discard(self._link, what, request, pending.request_id):
            return self._executor.after(pending, what, request)
        self._remember(pending)
        self._proxy.due.append(deliveries)  # before the runtime hears of it, and asks
        return accepted(request)

    def _again(self) -> Message | None:
        """An event that is to be given again: one that this connection had, or else any.

        Runtimes may ask on another connection than before.
        """
        due, link = self._proxy.due, self._link
        for deliveries in sorted(due, key=lambda deliveries: deliveries.link is not link):
            try:
                due.remove(deliveries)
            except ValueError:  # another connection has taken it
                continue
            event = deliveries.again()
            if event is not None:
                deliveries.link = link
                return event
        return None

    def _forward(self, request: bytes, answer: Message) -> bool:
        """Pass an answer on, which may be an event; whether another request may follow."""
        if request == self._poll and answer.status == 200:
            return self._hit(request, answer, self._decide(answer))
        return self._link.deliver(answer)

    def _decide(self, event: Message) -> Hits | None:
        """What hits this event, which is read to its end where a match has to see it."""
        gather = self._link.gather
        return self._proxy.aim.decide(event.data, event.lowered, lambda: gather(event))

    def _hit(self, request: bytes, event: Message, hits: Hits | None) -> bool:
        """Let what hits this invocation act before the function, or in its place.

        Where it does not run, the next event is asked for, and the next, until one may be seen.
        """
        pending: Pending | None = None
        while hits is not None:
            pending = self._executor.before(hits, event)
            if pending is not None:
                if pending.awaits():
                    self._remember(pending)
                break
            event = self._link.ask_whole(request)
            if event.status != 200:
                break
            hits = self._decide(event)
        if pending is not None and (pending.sandbox or pending.fatal):
            return self._give(event, pending)
        return self._link.deliver(event)

    def _give(self, event: Message, pending: Pending) -> bool:
        """Deliver an event for which something is held, or whose runtime is to be killed."""
        self._proxy.held = True
        try:
            more = self._link.deliver(event)
        except BaseException:
            pending.release()
            raise
        self._executor.meanwhile(pending)
        return more

    def _remember(self, pending: Pending) -> None:
        if len(self._pending) >= _MAX_PENDING:
            oldest = self._pending.pop(next(iter(self._pending)), None)
            if oldest is not None:
                oldest.release()
        self._pending[pending.request_id] = pending


def serve(
    listener: Listener, upstream: Address, settings: Config, start: Start | None = None
) -> Proxy:
    """Accept runtime connections from now on, in a thread of its own."""
    _thread.stack_size(_STACK)
    proxy = Proxy(upstream, _aim(settings), listener.getsockname()[1])
    proxy.start = start
    gc.freeze()
    _thread.start_new_thread(proxy.watch.run, ())
    _thread.start_new_thread(_accept, (listener, proxy))
    return proxy


def _aim(settings: Config) -> Aim | Live:
    if settings.source is not None:
        from faultlayer.settings.live import begin

        return begin(settings, settings.source)
    assert settings.aim is not None, "there is something to inject"
    return settings.aim


def _accept(listener: Listener, proxy: Proxy) -> None:
    failing = False
    while True:
        try:
            client = accept(listener)
        except (OSError, MemoryError) as error:  # no descriptors, or a client that has left
            if not failing:
                _internal(error)
            failing = True
            sleep(_PAUSE)
            continue
        failing = False
        try:
            _thread.start_new_thread(proxy.handle, (client,))
        except (RuntimeError, MemoryError) as error:  # out of threads or memory
            _internal(error)
            client.close()
