"""The data path: receive, decide, act, forward. A thread for each runtime connection.

    runtime                    this process                           Lambda
      │ poll (GET next) ───────▶ _on_poll ─────────────────────────────▶ │
      │                          _on_event: decide, act before ◀──────── │ event
      │ ◀──────────────────────── event                                  │
      │ result or error (POST) ─▶ _on_result: act after ───────────────▶ │
      │ ◀──────────────────────────────────────────────────────────────  │ receipt

`_fast_path` does this for plain exchanges, nearly all of them; `_careful_path` for the rest. An
exchange without a fault passes byte for byte. A delayed invocation delays no other, and nothing
that a peer sends ends the proxy. One thread reads and writes both sides of a connection: handing
over between threads would cost more than everything else here. The main thread accepts connections,
and relays one byte for byte, without faults, if no thread can be started.
"""

from __future__ import annotations

import _thread
import gc

import faultlayer.vocabulary.invocation  # noqa: F401 - the first event needs it: loaded by then
from faultlayer.acting.executor import Executor
from faultlayer.acting.pending import OPEN_POLLS, Pending
from faultlayer.http.framing import ProtocolError
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import INVOCATION
from faultlayer.log import emit
from faultlayer.routes import ERROR, EXTENSION, POLL, RESTORE, RESULT, route
from faultlayer.startup.listener import LOOPBACK
from faultlayer.startup.relay import READABLE, Door, relay
from faultlayer.vocabulary.registry import HOSTS
from faultlayer.wire.pool import Pool
from faultlayer.wire.runtime_side import RuntimeSide
from faultlayer.wire.sockets import SIZE, Gone, Peer, Watch
from faultlayer.wire.upstream_side import UpstreamSide, WaitEnded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from faultlayer.acting.cold_start import Start
    from faultlayer.acting.deliveries import Deliveries
    from faultlayer.dependencies.running_time import RunningTime
    from faultlayer.settings.configuration import Configuration
    from faultlayer.settings.live import Live
    from faultlayer.startup.listener import Listener
    from faultlayer.startup.relay import Loop, Socket
    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.injection import Chosen
    from faultlayer.targeting.rules import Rule
    from faultlayer.wire.sockets import Address

_OK = b"http/1.1 20"
_STACK = 8 << 20  # bytes, reserved, not touched: JSON nests as deep as CPython's C stack allows
_NO_THREAD = (
    "no thread can be started for a connection of the runtime, so its messages pass unread, and no "
    "fault is injected there"
)
_MOST_AIMED = 4096  # hosts whose rules are remembered
_lock = _thread.allocate_lock()
_MAX_PENDING = 4096  # invocations whose runtimes never answered are forgotten, oldest first


class Proxy:
    """The state that all connections share."""

    def __init__(self, upstream: Address, chooser: Chooser | Live, port: int) -> None:
        self.pool = Pool(upstream)
        self.runtime_api = b"%b:%d" % (LOOPBACK.encode(), port)  # as runtimes know it
        self.watch = Watch()
        self.host = b"%b:%d" % (upstream[0].encode(), upstream[1])
        self.chooser = chooser
        self.pending: dict[str, Pending] = {}
        self.upstreams: dict[RuntimeSide, UpstreamSide] = {}  # of all connections
        self.deliveries: Deliveries | None = None  # events that are to be given again
        self.held = False  # something of the environment was held for an invocation at some time
        self.reached = False  # a runtime, or an adapter in its place, has sent a request here
        self.clock: RunningTime | None = None  # knows when the function runs; None: nobody asks
        self.start: Start | None = None  # the actions on the start of this environment
        self._relaying = False  # no thread could be started for the last connection
        self._aiming: Sequence[Rule] = ()  # the rules behind `_aimed`
        self._aimed: dict[tuple[str, bytes, int], bool] = {}  # answers so far, by host

    def come(self, loop: Loop, client: Socket, spare: Socket) -> None:
        """Serve a connection in a thread, or relay it in this one. `spare`: its way to Lambda."""
        try:
            _thread.start_new_thread(self.handle, (client, spare))
            self._relaying = False
        except (RuntimeError, MemoryError):  # out of threads or memory
            if not self._relaying:
                emit("warn", "relayed", message=_NO_THREAD)
            self._relaying = True
            self.reached = True
            relay(loop, client, spare, self.pool.address)

    def handle(self, client: Socket, spare: Socket | None = None) -> None:
        """Serve one runtime connection to its end. `spare`: a socket for its way to Lambda."""
        clean = False
        try:
            runtime = RuntimeSide(Peer(client), self.watch)
            upstream = self._upstream_side(runtime, spare)
        except Exception as error:  # out of memory
            _internal(error)
            client.close()
            if spare is not None:
                self.pool.spares.append(spare)
            return
        self.upstreams[runtime] = upstream
        try:
            upstream.notice_end()
        except Exception as error:  # it is served all the same: its end is noticed late
            _internal(error)
        try:
            Connection(self, runtime, upstream).serve()
            clean = True
        except (Gone, OSError, ProtocolError):
            pass  # a peer has left, or sends no HTTP: nobody is there to be answered
        except Exception as error:
            _internal(error)
        finally:
            del self.upstreams[runtime]
            runtime.close()
            upstream.close(clean=clean)

    def _upstream_side(self, runtime: RuntimeSide, spare: Socket | None) -> UpstreamSide:
        if self.clock is None:
            return UpstreamSide(runtime, self.pool, spare)
        from faultlayer.wire.timed_side import TimedUpstreamSide

        return TimedUpstreamSide(runtime, self.pool, spare, self.clock)

    def aims_at(self, name: str, address: bytes, port: int) -> bool:
        """True if a rule may disturb connections to this host, now or later."""
        rules, host = self.chooser.rules, (name, address, port)
        if rules is not self._aiming or len(self._aimed) >= _MOST_AIMED:
            self._aiming, self._aimed = rules, {}
        aimed = self._aimed.get(host)
        if aimed is None:  # each connection of the function asks, most of them to the same hosts
            aimed = self._aimed[host] = any(
                rule.fault.relayed and rule.options.hosts.matches(name, address, port)
                for rule in rules
            )
        return aimed

    def observes_hosts(self) -> bool:
        """True if the function's hosts are observed now."""
        return self.chooser.observes(HOSTS)

    def own_ports(self) -> frozenset[int]:
        """The loopback ports by which the runtime gets its events: these are never disturbed."""
        return frozenset(int(place.rpartition(b":")[2]) for place in (self.host, self.runtime_api))

    def end_overdue(self) -> None:
        """End the oldest invocations if Lambda has ended them long ago: no result will come."""
        for request_id, pending in list(self.pending.items()):
            if pending.is_overdue():
                if self.pending.pop(request_id, None) is not None:
                    pending.end()
            elif request_id != OPEN_POLLS:
                return

    def all_deliveries(self) -> Deliveries:
        """The events that are to be given again. Made, and its module loaded, for the first one."""
        if self.deliveries is None:
            from faultlayer.acting.deliveries import Deliveries

            made = Deliveries(self.pending, self.upstreams, self.pool, self.host, self.runtime_api)
            with _lock:
                self.deliveries = self.deliveries or made
        return self.deliveries

    def end(self) -> None:
        """End the pending invocations: the environment ends, and no result will come."""
        for request_id in list(self.pending):
            pending = self.pending.pop(request_id, None)
            if pending is not None:
                pending.end()
        if self.start is not None:
            self.start.withdraw()


def _internal(error: Exception) -> None:
    emit("error", "internal_error", message=type(error).__name__)


def _release_overdue() -> None:
    try:
        from faultlayer.acting.hold import release_overdue

        release_overdue()
    except (ImportError, OSError, MemoryError) as error:  # the next poll may find what it needs
        _internal(error)


class Connection:
    """One runtime connection: its exchanges, one after the other.

    Each exchange returns true if another may follow.
    """

    __slots__ = ("_executor", "_pending", "_poll", "_proxy", "_runtime", "_upstream")

    def __init__(self, proxy: Proxy, runtime: RuntimeSide, upstream: UpstreamSide) -> None:
        self._proxy = proxy
        self._pending = proxy.pending
        self._runtime = runtime
        self._upstream = upstream
        self._executor = Executor(runtime, upstream, proxy.host, proxy.runtime_api)
        self._poll = b""  # the poll that came last: a runtime never varies it

    def serve(self) -> None:
        """Serve the runtime until it leaves."""
        self._fast_path()

    def _fast_path(self) -> None:
        """Exchange requests until the runtime leaves; the careful path takes the unusual ones.

        The work for an invocation without a fault is done here, in a line each, since a call costs
        about a microsecond between two system calls (and `in`, on bytes, an exception that CPython
        raises and clears: hence `find`). The careful path is called from within: leaving the loop
        would free its buffers, which the C library gives back to the kernel and asks for again (a
        tenth of an invocation with 100 KB).
        """
        client, upstream, pending = self._runtime.peer, self._upstream, self._pending
        receive, exchange, reply = client.recv, upstream.send_and_peek, client.send
        proxy, poll = self._proxy, self._poll
        known: bytes | None = None  # the receipt that came last: they are the same within a second
        while True:
            data = client.take() if client.pending else receive(SIZE)
            if data != poll or pending:  # if pending, this runtime may get an event again
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
                    if data and self._careful_path(data):
                        poll = self._poll
                        continue
                    return
            elif not data:
                return
            response = exchange(data)
            if response != known:
                end = response.find(b"\n\r\n") + 3
                head = response[:end].lower()
                at = head.find(b"\ncontent-length: %d\r\n" % (len(response) - end))
                if (
                    at < 0
                    or head.count(b"content-length") != 1
                    or head.find(b"transfer-encoding") >= 0
                    or head.find(b"\n\n") >= 0
                    or head.find(b"close") >= 0
                    or not head.startswith(_OK)
                ):
                    if self._on_first_bytes(data, response):
                        continue
                    return
                if data != poll:
                    known = response
                    upstream.reused = True
                elif (hits := proxy.chooser.decide(response, head)) is not None:
                    event = Message(response, head, len(response) - end)
                    if self._hit(data, event, hits):
                        continue
                    return
            reply(response)

    def _careful_path(self, data: bytes) -> bool:
        """One request of any kind, read with care, and its response."""
        request = self._runtime.read_request(data)
        kind, request_id = route(request.data)
        if kind != EXTENSION:
            self._proxy.reached = True
        if kind == POLL and request.body is None:
            return self._on_poll(request)
        if kind in (RESULT, ERROR):
            pending = self._pending.pop(request_id, None)
            if pending is not None:
                return self._on_result(pending, kind, request)
        if kind == RESTORE:
            return self._on_restore(request)
        return self._on_other(request)

    # -- one method per route -----------------------------------------------------------------

    def _on_poll(self, request: Message) -> bool:
        """Get the next event for the runtime, or one that is to be given again."""
        proxy = self._proxy
        if request.data != self._poll:
            self._poll = request.data
            if proxy.start is not None:
                proxy.start.attend(self._runtime, self._upstream, proxy.host)
            proxy.chooser.awaited()
        if proxy.held:
            _release_overdue()
        if proxy.pending:
            proxy.end_overdue()
        deliveries = proxy.deliveries
        if deliveries is not None:
            pending = deliveries.take(self._runtime)
            if pending is not None:
                return self._give_again(pending, request)
            peer = deliveries.open_poll()
            if peer is not None:
                return self._adopt_poll(peer, request)
        try:
            response = self._upstream.forward_request(request)
        except WaitEnded:
            return self._on_wait_ended()
        return self._on_response(self._poll, response)

    def _on_result(self, pending: Pending, kind: bytes, request: Message) -> bool:
        """Act on the function's result or error, and give the runtime the receipt."""
        if pending.redelivery is not None and self._hold_back(pending, kind, request):
            return self._accept(pending, request)
        try:
            receipt = self._executor.after(pending, kind, request)
        finally:
            pending.end()
        return self._upstream.forward_response(receipt)

    def _on_restore(self, request: Message) -> bool:
        """Forward the request; from here on the environment has come out of a snapshot."""
        response = self._upstream.forward_request(request)
        self._proxy.chooser.renew()
        if self._proxy.start is not None:
            self._proxy.start.restored = True
        return self._upstream.forward_response(response)

    def _on_other(self, request: Message) -> bool:
        """Forward the request and its response as they are."""
        return self._upstream.forward_response(self._upstream.forward_request(request))

    # -- responses to polls: events -----------------------------------------------------------

    def _on_first_bytes(self, request: bytes, first: bytes) -> bool:
        """Read and forward the response that begins with these bytes, which may be none."""
        try:
            response = self._upstream.read_response(request, first)
        except WaitEnded:
            return self._on_wait_ended()
        return self._on_response(request, response)

    def _on_response(self, request: bytes, response: Message) -> bool:
        """Forward a response; if it is an event, decide on faults first."""
        if request == self._poll and response.status == 200:
            return self._hit(request, response, self._decide(response))
        return self._upstream.forward_response(response)

    def _decide(self, event: Message) -> Chosen | None:
        """The faults that hit this event, which is read to its end if a match has to see it."""
        buffer = self._upstream.buffer_event
        return self._proxy.chooser.decide(event.data, event.lowered, lambda: buffer(event))

    def _hit(self, poll: bytes, event: Message, chosen: Chosen | None) -> bool:
        """Act before the function runs, or in its place; then forward the event.

        If the function is not to run, the next event is fetched, until one may reach it.
        """
        pending: Pending | None = None
        while chosen is not None:
            pending = self._executor.before(chosen, event)
            if pending is not None:
                if pending.awaits_result():
                    self._remember(pending)
                break
            try:
                event = self._upstream.send(poll)
            except WaitEnded:
                return self._on_wait_ended()
            if event.status != 200:
                break
            chosen = self._decide(event)
        if pending is not None and pending.acts_meanwhile():
            return self._forward_and_act(event, pending)
        return self._upstream.forward_response(event)

    def _forward_and_act(self, event: Message, pending: Pending) -> bool:
        """Forward an event of an invocation with a hold or a kill."""
        self._proxy.held = True
        try:
            more = self._upstream.forward_response(event)
        except BaseException:
            pending.end()
            raise
        self._executor.meanwhile(pending, event)
        return more

    def _remember(self, pending: Pending) -> None:
        if len(self._pending) >= _MAX_PENDING:
            oldest = self._pending.pop(next(iter(self._pending)), None)
            if oldest is not None:
                oldest.end()
        self._pending[pending.request_id] = pending

    # -- events that are given again ----------------------------------------------------------

    def _hold_back(self, pending: Pending, kind: bytes, request: Message) -> bool:
        """True if the event is to be given again before this result, which is kept, may leave."""
        redelivery = pending.redelivery
        assert redelivery is not None
        try:
            self._executor.crash(pending, request)
            if not redelivery.hold_back(self._runtime, self._upstream, kind, request):
                return False
            deliveries = self._proxy.all_deliveries()
        except BaseException:
            pending.end()
            raise
        self._remember(pending)
        if deliveries.add(pending):
            return True
        self._pending.pop(pending.request_id, None)
        return False

    def _accept(self, pending: Pending, request: Message) -> bool:
        """Give the runtime a receipt for a result that is kept, and see to that result."""
        from faultlayer.acting.redelivery import accepted

        deliveries = self._proxy.all_deliveries()
        try:
            more = self._upstream.forward_response(accepted(request))
        except BaseException:
            deliveries.guard_elsewhere(pending)
            raise
        deliveries.guard(pending, self._runtime.peer, more=more)
        return more

    def _give_again(self, pending: Pending, poll: Message) -> bool:
        """Forward an event again, as the response to this poll."""
        redelivery = pending.redelivery
        assert redelivery is not None
        try:
            more = self._upstream.forward_response(redelivery.again(self._runtime, poll))
        except BaseException:
            self._proxy.all_deliveries().put_back(pending)
            raise
        redelivery.delivered()
        return more

    def _on_wait_ended(self) -> bool:
        """Give an event again, in the place of the one that the runtime waits for."""
        upstream, deliveries = self._upstream, self._proxy.all_deliveries()
        pending = deliveries.take(self._runtime)
        if pending is None:  # another connection was faster
            return self._on_first_bytes(self._poll, upstream.wait_on(self._poll))
        try:
            peer = upstream.leave_poll()
        except BaseException:
            deliveries.put_back(pending)
            raise
        if peer is not None:
            deliveries.leave_open(peer)
        return self._give_again(pending, self._runtime.read_request(self._poll))

    def _adopt_poll(self, peer: Peer, request: Message) -> bool:
        """Wait for the response to a poll that is open, in the place of this one."""
        self._upstream.adopt(peer)
        return self._on_first_bytes(self._poll, self._upstream.wait_on(self._poll))


def serve(
    loop: Loop,
    listener: Listener,
    upstream: Address,
    configuration: Configuration,
    start: Start | None = None,
) -> Proxy:
    """Serve the runtime connections that come to this listener, as long as the loop turns."""
    _thread.stack_size(_STACK)
    proxy = Proxy(upstream, _chooser(configuration), listener.getsockname()[1])
    proxy.start = start
    proxy.clock = _clock(configuration)

    def look() -> None:
        if proxy.watch.look():
            loop.rest(proxy.watch.fileno())

    loop.add(proxy.watch.fileno(), READABLE, look)
    Door(loop, listener, lambda *pair: proxy.come(loop, *pair), proxy.pool.spares)
    gc.freeze()
    return proxy


def _clock(configuration: Configuration) -> RunningTime | None:
    """The clock of the running time, if hosts may ever be observed."""
    chooser = configuration.chooser
    if configuration.source is None and (chooser is None or not chooser.rule_set.observed):
        return None
    from faultlayer.dependencies.running_time import RunningTime

    return RunningTime()


def _chooser(configuration: Configuration) -> Chooser | Live:
    if configuration.source is not None:
        from faultlayer.settings.live import begin

        return begin(configuration, configuration.source)
    if configuration.chooser is not None:
        return configuration.chooser
    # The Lambda Web Adapter comes here in any case.
    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.rules import RuleSet

    return Chooser(RuleSet([]))
