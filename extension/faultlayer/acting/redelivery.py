"""An event that the function gets several times with one request id. Its last result leaves.

    result ──hold_back──> read to its end and kept, receipt made here ──poll──> the event again
                └─ the last one, or an error, or no time for another ──> Lambda

No result is dropped before the runtime has been given the event again: `deliveries` sees to that,
and sends the result that is kept if it cannot be. An event is given again only if a delivery as
long as the one before would end by the deadline. An error ends the deliveries, since runtimes may
exit after one; in a stream it comes in the trailers.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic, time

from faultlayer.acting.actors import Actor
from faultlayer.environment.memory import require_memory
from faultlayer.http.framing import CHUNKED, closes
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import MAX_EVENT, RESPONSE
from faultlayer.log import emit
from faultlayer.values.kinds import LONGEST
from faultlayer.vocabulary.actions import BEFORE, Delay
from faultlayer.wire.sockets import Gone, stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.acting.actors import Turn
    from faultlayer.targeting.injection import Injection
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide

_MARGIN = 0.1  # seconds before the deadline by which the last answer must be on its way
_SAID = b'{"status":"OK"}\n'
_HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
_CLOSE = b"Connection: close\r\n"
_TOO_LONG = "the event is longer than Lambda allows"
_AN_ERROR = "the function reported an error, which ends deliveries"
_ERROR_TRAILER = b"lambda-runtime-function-error-type:"
_NO_TIME = "another delivery would not end before the deadline"
NO_MEMORY = MemoryError()  # the one that was raised keeps its frames' values
_TOO_LONG_TO_KEEP = "the answer is too long to be kept until the event is delivered again"


class _Enough(Exception):
    """The result is too long to be kept: stop reading it."""


class Repeating(Actor):
    """Prepares for the event to be given again. Last, since the event is then as it will be."""

    place = 5

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        try:
            if injections and turn.message.body is not None:
                turn.upstream.buffer_event(turn.message)
        except MemoryError as error:
            for injection in injections:
                injection.failed(error)
            return
        if turn.message.body is not None:
            for injection in injections:
                injection.skipped(_TOO_LONG)
            return
        injections = sorted(injections, key=lambda injection: injection.action.numbers["times"])
        if not injections:
            return
        most = injections.pop()
        for fewer in injections:
            fewer.withdrawn()
        try:
            redelivery = Redelivery(most, turn.runtime, turn.message, turn.deadline)
            for delay in turn.pending.open(Delay):
                if delay.action.when != BEFORE:
                    redelivery.reserve(delay.action.seconds)
        except Exception as error:
            most.failed(error)
        else:
            turn.pending.redelivery = redelivery


class Redelivery:
    """The deliveries of one event. `runtime`: the connection that it was given to.

    `kept` is a result that was held back, None once the event has been given again.
    """

    __slots__ = (
        "_count",
        "_due",
        "_ends",
        "_event",
        "_given",
        "_injection",
        "_lock",
        "_more",
        "_reserve",
        "_took",
        "kept",
        "runtime",
    )

    def __init__(
        self, injection: Injection, runtime: RuntimeSide, event: Message, deadline: float | None
    ) -> None:
        now = monotonic()
        self.runtime = runtime
        self.kept: Message | None = None
        self._injection = injection
        self._event = event
        self._more = tuple(event.more)  # the event itself lets go of it once it is delivered
        self._due = injection.action.times - 1
        self._count = 1
        self._given = now
        self._took = 0.0  # seconds of the delivery before
        self._ends = None if deadline is None else now + min(deadline - time(), LONGEST)
        self._reserve = _MARGIN
        self._lock = allocate_lock()

    def reserve(self, seconds: float) -> None:
        """Reserve seconds for the faults that act after the last result."""
        self._reserve += seconds

    def fits(self) -> bool:
        """True if another delivery, as long as the one before, would end in time."""
        return self._ends is None or monotonic() + self._took + self._reserve < self._ends

    # -- a result ----------------------------------------------------------------------------

    def hold_back(
        self, runtime: RuntimeSide, upstream: UpstreamSide, kind: bytes, result: Message
    ) -> bool:
        """Read a result to its end and keep it; false if no other follows, so it is to leave."""
        self.delivered()  # else there were no result
        if self._due == 0:
            return False
        why: str | Exception = _AN_ERROR
        try:
            if kind == RESPONSE:
                why = self._keep(runtime, upstream, result)
        except MemoryError:
            why = NO_MEMORY
        if why:
            self._end(why)
            return False
        self._took = monotonic() - self._given
        self._due -= 1
        self.kept = result
        return True

    def _end(self, why: str | Exception) -> None:
        """No delivery follows: log why, if that was not the function's own doing."""
        self._due = 0
        if self._count > 1:
            if why != _AN_ERROR:
                request_id = self._injection.request_id
                emit("warn", "deliveries_cut_short", request_id=request_id, deliveries=self._count)
        elif not self._injection.is_open:
            pass  # the invocation has come to another end
        elif isinstance(why, str):
            self._injection.skipped(why)
        else:
            self._injection.failed(why)

    def _keep(self, runtime: RuntimeSide, upstream: UpstreamSide, result: Message) -> str:
        """Read a result to its end, and keep it; if there is no point in it, why.

        Raises MemoryError if memory has no room for it; what was read is not lost.
        """
        why = ""

        def enough(size: int) -> bool:
            nonlocal why
            self._took = monotonic() - self._given
            why = "" if self.fits() else _NO_TIME
            if size > MAX_EVENT:
                why = _TOO_LONG_TO_KEEP
            return bool(why)

        if not enough(0):
            _read(runtime, upstream, result, enough)
        if why or result.length != CHUNKED:
            return why
        trailers = runtime.read_body(result, None).lower()
        return _AN_ERROR if (b"\n" + trailers).find(b"\n" + _ERROR_TRAILER) >= 0 else ""

    # -- the event again -----------------------------------------------------------------------

    def again(self, runtime: RuntimeSide, poll: Message) -> Message:
        """The event as the response to this poll."""
        self.runtime = runtime
        self._given = monotonic()
        event = Message(
            self._event.data, self._event.lowered, self._event.length, None, self._event.last
        )
        event.more = self._more
        if closes(poll.lowered):
            event.last = True
            if event.length == CHUNKED:  # HTTP/1.0 has no chunks
                event.replace(event.content())
        return event

    def delivered(self) -> None:
        """The runtime has the event again: drop the result that is kept."""
        with self._lock:  # whoever sends the next result finds the line in the log
            if self.kept is None:
                return
            if self._injection.is_open:
                self._injection.happened()
            self._count += 1
            self.kept = None

    def give_up(self, why: str | Exception) -> Message | None:
        """The result that is kept, which is to leave; None if the event was given again."""
        with self._lock:
            result, self.kept = self.kept, None
        if result is not None:
            self._end(why)
        return result


def _read(
    runtime: RuntimeSide, upstream: UpstreamSide, result: Message, enough: Callable[[int], bool]
) -> None:
    """Keep the arriving result in the message, to its end or until that is `enough`.

    If the runtime ends the connection within the result, Lambda gets what there is of it.
    """
    body = result.body
    if body is None:
        return
    runtime.send_100_continue(result)
    more: list[bytes] = []
    result.more = more
    size = len(result.data)

    def keep(data: bytes) -> None:
        nonlocal size
        more.append(data)
        before, size = size, size + len(data)
        if enough(size):
            raise _Enough
        require_memory(before, size)

    try:
        stream(runtime.peer, body, keep, kept=True)
    except _Enough:
        pass
    except Gone:
        send = upstream.begin_request(result.data)
        for piece in result.pieces():
            send(piece)
        raise
    finally:
        if body.done:
            result.body = None


def accepted(result: Message) -> Message:
    """The receipt that Lambda gives for a result that it takes."""
    last = closes(result.lowered)
    head = _HEAD % (len(_SAID), _CLOSE if last else b"")
    return Message(head + _SAID, head.lower(), len(_SAID), None, last)
