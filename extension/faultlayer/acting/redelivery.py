"""An event that the function gets several times with one request id. Its last result leaves.

    result ──hold_back──> read to its end, dropped, receipt made here ──poll──> the event again
                └─ the last one, or an error, or no time for another ──> Lambda

No result is dropped until it is known that another can follow: a result is held back until it is
whole, and the event is given again only if a delivery as long as the one before would end by the
deadline. An error ends the deliveries, since runtimes may exit after one.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from time import monotonic, time

from faultlayer.acting.actors import Actor
from faultlayer.environment.memory import require_memory
from faultlayer.http.framing import closes
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import MAX_EVENT, RESPONSE
from faultlayer.log import emit
from faultlayer.values.kinds import LONGEST
from faultlayer.vocabulary.actions import BEFORE, Delay
from faultlayer.wire.sockets import stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.acting.actors import Turn
    from faultlayer.targeting.injection import Injection
    from faultlayer.wire.runtime_side import RuntimeSide

_MARGIN = 0.1  # seconds before the deadline by which the last answer must be on its way
_SAID = b'{"status":"OK"}\n'
_HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
_CLOSE = b"Connection: close\r\n"
_TOO_LONG = "the event is longer than Lambda lets it be"
_AN_ERROR = "the function reported an error, which ends deliveries"


class _Enough(Exception):
    """What is kept need not grow."""


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
    """The deliveries of one event. `runtime`: the connection that it was given to."""

    __slots__ = (
        "_count",
        "_due",
        "_ends",
        "_event",
        "_given",
        "_injection",
        "_more",
        "_reserve",
        "runtime",
    )

    def __init__(
        self, injection: Injection, runtime: RuntimeSide, event: Message, deadline: float | None
    ) -> None:
        now = monotonic()
        self.runtime = runtime
        self._injection = injection
        self._event = event
        self._more = tuple(event.more)  # the event itself lets go of it once it is delivered
        self._due = injection.action.times - 1
        self._count = 1
        self._given = now
        self._ends = None if deadline is None else now + min(deadline - time(), LONGEST)
        self._reserve = _MARGIN

    def reserve(self, seconds: float) -> None:
        """Leave this much more time for what is due once the last result is there."""
        self._reserve += seconds

    def again(self) -> Message | None:
        """The event, to be given once more; None if it is too late even to begin."""
        now = monotonic()
        if self._ends is not None and now >= self._ends:
            return None
        self._given = now
        self._count += 1
        event = Message(
            self._event.data, self._event.lowered, self._event.length, None, self._event.last
        )
        event.more = self._more
        return event

    def hold_back(
        self, runtime: RuntimeSide, kind: bytes, result: Message, request_id: str
    ) -> bool:
        """Read a result to its end and drop it; false if no other follows, so it is to leave."""
        if self._due == 0:
            return False
        if kind == RESPONSE:
            kept = _keep(runtime, result, lambda size: size > MAX_EVENT or not self._fits())
            if kept and self._fits():
                if self._count == 1:
                    self._injection.happened()
                self._due -= 1
                runtime.read_body(result, None)
                return True
            emit("warn", "deliveries_cut_short", request_id=request_id, deliveries=self._count)
        if self._count == 1 and kind == RESPONSE:
            self._injection.withdrawn()  # `deliveries_cut_short` says why
        elif self._count == 1:
            self._injection.skipped(_AN_ERROR)
        self._due = 0
        return False

    def _fits(self) -> bool:
        """True if another delivery, as long as this one is by now, would end in time."""
        now = monotonic()
        return self._ends is None or now + now - self._given + self._reserve < self._ends


def _keep(runtime: RuntimeSide, result: Message, enough: Callable[[int], bool]) -> bool:
    """Keep what arrives of a result in the message, until that is `enough`.

    False if memory has no room for it.
    """
    body = result.body
    if body is None:
        return True
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
    except MemoryError:
        return False
    if body.done:
        result.body = None
    return True


def accepted(result: Message) -> Message:
    """The receipt that Lambda gives for a result that it takes."""
    last = closes(result.lowered)
    head = _HEAD % (len(_SAID), _CLOSE if last else b"")
    return Message(head + _SAID, head.lower(), len(_SAID), None, last)
