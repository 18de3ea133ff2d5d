"""An event that the function gets more than once under one request id; its last answer leaves.

It promises that no answer is thrown away until it is known that another can follow: an answer is
held back until it is whole, and the event is given again only where a delivery as long as the one
before would end by the deadline. An error ends the deliveries, since runtimes may exit after one.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from time import monotonic, time

from faultlayer.environment.memory import require_memory
from faultlayer.http.framing import closes
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import MAX_EVENT, RESPONSE
from faultlayer.log import emit
from faultlayer.values.kinds import LONGEST
from faultlayer.vocabulary.actions import Repeat
from faultlayer.wire.sockets import stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.targeting.injection import Hit
    from faultlayer.wire.runtime_side import RuntimeSide

_MARGIN = 0.1  # seconds before the deadline by which the last answer must be on its way
_SAID = b'{"status":"OK"}\n'
_HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
_CLOSE = b"Connection: close\r\n"


class _Enough(Exception):
    """What is kept need not grow."""


class Deliveries:
    """The deliveries of one event. `runtime`: the connection that it was given to."""

    __slots__ = (
        "_count",
        "_ends",
        "_event",
        "_given",
        "_hit",
        "_left",
        "_more",
        "_reserve",
        "runtime",
    )

    def __init__(self, hit: Hit, runtime: RuntimeSide, event: Message, ends: float | None) -> None:
        assert isinstance(hit.action, Repeat)
        now = monotonic()
        self.runtime = runtime
        self._hit = hit
        self._event = event
        self._more = tuple(event.more)  # the event itself lets go of it once it is delivered
        self._left = hit.action.times - 1
        self._count = 1
        self._given = now
        self._ends = None if ends is None else now + min(ends - time(), LONGEST)
        self._reserve = _MARGIN

    def reserve(self, seconds: float) -> None:
        """Something else will take this long once the last answer is there."""
        self._reserve += seconds

    def again(self) -> Message | None:
        """The event, to be given once more; None where it is too late even to begin."""
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

    def discard(self, runtime: RuntimeSide, what: bytes, request: Message, request_id: str) -> bool:
        """Whether this answer is to be forgotten since another follows; it is read to its end."""
        if self._left == 0:
            return False
        if what == RESPONSE:
            held = _hold(runtime, request, lambda size: size > MAX_EVENT or not self._fits())
            if held and self._fits():
                if self._count == 1:
                    self._hit.log(request_id)
                self._left -= 1
                runtime.read_body(request, None)
                return True
            emit("warn", "deliveries_cut_short", request_id=request_id, deliveries=self._count)
        if self._count == 1 and what == RESPONSE:
            self._hit.rule.give_back()  # `deliveries_cut_short` says why
        elif self._count == 1:
            self._hit.skip(request_id, "the function reported an error, which ends deliveries")
        self._left = 0
        return False

    def forget(self) -> None:
        """Uncount this where the event was given once, and the runtime is gone."""
        if self._left == self._hit.action.numbers["times"] - 1:
            self._hit.rule.give_back()

    def _fits(self) -> bool:
        """Whether another delivery, as long as this one is by now, would end in time."""
        now = monotonic()
        return self._ends is None or now + now - self._given + self._reserve < self._ends


def _hold(runtime: RuntimeSide, request: Message, enough: Callable[[int], bool]) -> bool:
    """Keep what arrives of the runtime's request in the message, until that is `enough`.

    False where memory has no room for it.
    """
    body = request.body
    if body is None:
        return True
    runtime.send_100_continue(request)
    more: list[bytes] = []
    request.more = more
    size = len(request.data)

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
        request.body = None
    return True


def accepted(request: Message) -> Message:
    """What Lambda says to an answer that it takes."""
    last = closes(request.lowered)
    head = _HEAD % (len(_SAID), _CLOSE if last else b"")
    return Message(head + _SAID, head.lower(), len(_SAID), None, last)
