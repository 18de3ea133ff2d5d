"""Events that are to be given again, and the results that are kept until they have been.

    add ──> due ──poll, of any connection──> given again ──> the result that is kept is dropped
             └─ no poll comes, no time is left, the runtime is gone ──> it leaves after all

A runtime that asks ahead of its results has a poll at Lambda already: the wait for it is ended, so
that it gets the event again. That poll stays open at Lambda, and the next one adopts it, since an
event may arrive for it at any moment. While one is open, every poll must be looked at: so it is
among the invocations that are pending.

Each result that is kept has a guard: the thread of the connection that it came on, as long as
nothing else arrives there, and then a thread of its own.
"""

from __future__ import annotations

import _thread
import select
from time import monotonic, sleep

from faultlayer.acting.executor import Executor
from faultlayer.acting.pending import OPEN_POLLS, Pending
from faultlayer.acting.redelivery import NO_MEMORY
from faultlayer.acting.responses import drop
from faultlayer.http.framing import ProtocolError
from faultlayer.http.runtime_api import NEXT, RESPONSE
from faultlayer.log import emit
from faultlayer.wire import interrupts
from faultlayer.wire.runtime_side import NoRuntime
from faultlayer.wire.sockets import Gone
from faultlayer.wire.upstream_side import UpstreamSide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.redelivery import Redelivery
    from faultlayer.http.message import Message
    from faultlayer.wire.pool import Pool
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.sockets import Peer

_SPARE = 1 << 20  # bytes, more than giving an event again takes beside what is kept
_PATIENCE = 0.01  # seconds in which a runtime polls that has got the receipt for its result
_LOOK = 0.05  # seconds between two looks of a guard
_GONE = 1.0  # seconds without any connection, after which no poll is expected
_NO_TIME = "the runtime asked for no event in time"
_NO_THREAD = "no thread can be started to handle the answer"
_NO_RUNTIME = "the runtime has closed its connections"


class Deliveries:
    """The events that are due again. `upstreams`: those of all runtime connections."""

    def __init__(
        self,
        pending: dict[str, Pending],
        upstreams: dict[RuntimeSide, UpstreamSide],
        pool: Pool,
        host: bytes,
        runtime_api: bytes,
    ) -> None:
        self._pending = pending
        self._upstreams = upstreams
        self._pool = pool
        self._addresses = host, runtime_api
        self._lock = _thread.allocate_lock()
        self._due: list[Pending] = []
        self._open_polls = OpenPolls()

    # -- results that are kept ----------------------------------------------------------------

    def add(self, pending: Pending) -> bool:
        """Give an event again, whose result is kept; false if that result is to leave now."""
        redelivery = pending.redelivery
        assert redelivery is not None
        try:
            bytes(_SPARE)  # raises if there is no room for it
        except MemoryError:
            return redelivery.give_up(NO_MEMORY) is None
        self._due.append(pending)
        return True

    def guard(self, pending: Pending, peer: Peer, *, more: bool) -> None:
        """See to a result that came from this peer; `more`: requests may follow there."""
        if more:
            self._guard(pending, peer)
            if self._due == [pending] and peer.next_bytes(len(NEXT)) == NEXT:
                return  # this poll takes it
        if pending in self._due:
            self.guard_elsewhere(pending)

    def guard_elsewhere(self, pending: Pending) -> None:
        """See to a result in a thread of its own; without one, send it."""
        try:
            _thread.start_new_thread(self._guard, (pending, None))
        except (RuntimeError, MemoryError):
            self._recall(pending, _NO_THREAD)

    def _guard(self, pending: Pending, peer: Peer | None) -> None:
        """Wait until the event is given again; if it will not be, send the result.

        Ends as well if anything arrives from this peer while there is time.
        """
        redelivery = pending.redelivery
        assert redelivery is not None
        kept = redelivery.kept
        alone = monotonic()
        pause = _PATIENCE
        while redelivery.kept is kept is not None:
            if _arrives(peer, pause) and (redelivery.fits() or pending not in self._due):
                return
            pause = _LOOK
            if self._upstreams:
                alone = monotonic()
            try:
                if not redelivery.fits():
                    self._recall(pending, _NO_TIME)
                elif monotonic() - alone >= _GONE:
                    self._recall(pending, _NO_RUNTIME)
                else:
                    self._offer(pending, redelivery)
            except (OSError, MemoryError):  # no room, or no descriptors: there may be some later
                pass

    def _offer(self, pending: Pending, redelivery: Redelivery) -> None:
        """End a wait for an event: of the connection that had this one, or else of any."""
        upstreams = self._upstreams.copy()
        if pending not in self._due or not interrupts.is_possible():
            return
        own = upstreams.pop(redelivery.runtime, None)
        if own is None or not own.end_wait():
            any(upstream.end_wait() for upstream in upstreams.values())

    def _recall(self, pending: Pending, why: str) -> None:
        """Send the result that is kept, unless the event is being given again."""
        with self._lock:
            if pending not in self._due:
                return
            self._due.remove(pending)
        redelivery = pending.redelivery
        result = redelivery.give_up(why) if redelivery is not None else None
        if result is not None:
            self._send(pending, result)

    def _send(self, pending: Pending, result: Message) -> None:
        """Send a result that was kept, as if it had come now. The runtime has its receipt."""
        self._pending.pop(pending.request_id, None)
        runtime = NoRuntime()
        upstream = UpstreamSide(runtime, self._pool)
        clean = False
        try:
            receipt = Executor(runtime, upstream, *self._addresses).after(pending, RESPONSE, result)
            upstream.read_rest(receipt, drop)
            clean = not receipt.last
            if receipt.status >= 300:
                status = receipt.status
                emit("warn", "answer_refused", request_id=pending.request_id, status=status)
        except (Gone, OSError, ProtocolError):
            pass  # the runtime was killed, or Lambda cannot be reached
        except Exception as error:
            emit("error", "internal_error", message=type(error).__name__)
        finally:
            pending.end()
            upstream.close(clean=clean)

    # -- polls --------------------------------------------------------------------------------

    def take(self, runtime: RuntimeSide) -> Pending | None:
        """An invocation whose event is to be given again on this connection.

        One that it had, or else any: runtimes may poll on another connection than before. Its guard
        has looked a moment ago whether there is time for it.
        """
        with self._lock:
            found: Pending | None = None
            for pending in self._due:
                redelivery = pending.redelivery
                if redelivery is not None and redelivery.runtime is runtime:
                    found = pending
                    break
                found = found or pending
            if found is not None:
                self._due.remove(found)
        return found

    def put_back(self, pending: Pending) -> None:
        """The runtime left before it had this event."""
        self._due.append(pending)
        self.guard_elsewhere(pending)

    def leave_open(self, peer: Peer) -> None:
        """Keep a connection to Lambda on which a poll is open."""
        with self._lock:
            self._open_polls.peers.append(peer)
            self._pending[OPEN_POLLS] = self._open_polls

    def open_poll(self) -> Peer | None:
        """A connection to Lambda on which a poll is open, if there is one."""
        with self._lock:
            peers = self._open_polls.peers
            peer = peers.pop(0) if peers else None
            if not peers:
                self._pending.pop(OPEN_POLLS, None)
        return peer


def _arrives(peer: Peer | None, seconds: float) -> bool:
    """Wait this long, or until anything arrives from this peer, its end as well; true then."""
    if peer is None:
        sleep(seconds)
        return False
    poller = select.poll()
    poller.register(peer.sock.fileno(), select.POLLIN)
    return bool(peer.pending or poller.poll(seconds * 1000))


class OpenPolls(Pending):
    """The connections to Lambda whose polls are open, among the invocations that are pending."""

    __slots__ = ("peers",)

    def __init__(self) -> None:
        self.request_id = OPEN_POLLS
        self.peers: list[Peer] = []

    def is_overdue(self) -> bool:
        """They have no deadline."""
        return False

    def end(self) -> None:
        """The environment ends, and the connections with it."""
