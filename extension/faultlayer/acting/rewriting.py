"""The function's result changed on its way to Lambda.

    buffered:  read whole ──> each rewrite has its turn ──> sent, or passed as it was if too long
    streamed:  piece by piece through a `Stream`: nothing is held back but the prelude

A rewrite that fails leaves no trace: the others are done again without it. A result that memory has
no room for passes untouched.
"""

from __future__ import annotations

from faultlayer.acting.actors import Actor
from faultlayer.acting.responses import PIECE, chunked_head, is_http_stream, is_streamed
from faultlayer.environment.memory import require_memory
from faultlayer.http import framing
from faultlayer.http.framing import CHUNKED, chunk
from faultlayer.targeting.injection import log_failure
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.streamed import Stream, Watcher
from faultlayer.wire.sockets import Gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from faultlayer.acting.actors import Turn
    from faultlayer.acting.responses import Parts
    from faultlayer.http.message import Message
    from faultlayer.targeting.injection import Injection
    from faultlayer.wire.upstream_side import UpstreamSide

    Made = TypeVar("Made")

# Lambda refuses a longer answer (its limit is 6 MB + 100 bytes), changed or not.
_MAX_BUFFERED = 7 << 20
_STEP = 2 * PIECE  # bytes that receiving takes, from one piece that is kept to the next
_TOO_LONG = "the answer is longer than Lambda allows, and passes unchanged"
_AN_ERROR = "the function reported an error, which passes unchanged"
_SO_ALREADY = "the fault changes nothing in the answer"
_RESERVE = 8 * PIECE  # bytes of memory to leave free: forwarding takes less


class Rewriting(Actor):
    """Sends the function's result, changed. Last after the function, since it sends."""

    place_after = 3

    def after(self, turn: Turn, injections: list[Injection]) -> None:
        result = turn.message
        if injections and turn.is_result:
            if is_streamed(result):
                turn.receipt = _restream(turn, injections)
                return
            if result.length <= _MAX_BUFFERED:
                turn.receipt = _rewrite_buffered(turn, injections)
                return
        for injection in injections:
            injection.skipped(_TOO_LONG if turn.is_result else _AN_ERROR)


def _without_failing(
    injections: list[Injection], attempt: Callable[[list[Injection]], Made]
) -> tuple[list[Injection], Made]:
    """Attempt it with all injections; if that raises, find the failing ones and leave them out."""
    try:
        return injections, attempt(injections)
    except Exception:  # of which of them shows one by one
        good: list[Injection] = []
    for injection in injections:
        try:
            attempt([*good, injection])
        except Exception as error:
            injection.failed(error)
        else:
            good.append(injection)
    return good, attempt(good)


# -- buffered results -----------------------------------------------------------------------------


class Buffer:
    """A buffered result as it arrives; passed on untouched as soon as it is too long to be held.

    Only chunks can turn out to be too long, or more than memory has room for: `short` is that
    error. Since passing on takes memory as well, some is reserved for it.
    """

    def __init__(self, upstream: UpstreamSide, result: Message) -> None:
        self.short: MemoryError | None = None
        self._upstream = upstream
        self._result = result
        self._data = bytearray()
        self._reserve = b""
        self._send: Callable[[bytes], object] | None = None

    def keep(self, content: bytes) -> None:
        """Take a piece that has arrived."""
        if self._send is not None:
            self._pass(content)
            return
        size = len(self._data)
        try:
            require_memory(size, size + len(content))
            self._data.extend(content)
            if size > PIECE:
                self._reserve = self._reserve or bytes(_RESERVE)
                bytes(_STEP)  # raises if there is no room for it
        except MemoryError as error:
            self.short = error
            rest = content[len(self._data) - size :]
            self._let_go()
            self._pass(rest)
        if len(self._data) > _MAX_BUFFERED:
            self._let_go()

    def whole(self) -> bytes | None:
        """All of it; None if it is on its way already."""
        if self._send is None:
            try:
                payload = bytes(self._data)
                self._data = bytearray()
                self._reserve = b""
                return payload
            except MemoryError as error:
                self.short = error
                self._let_go()
        return None

    def end(self, trailer: bytes) -> Message:
        """The receipt for a result that was passed on; `trailer` ends one in chunks."""
        if self._send is not None and self._result.length == CHUNKED:
            self._send(b"0\r\n" + trailer)
        return self._upstream.finish_request()

    def break_off(self) -> None:
        """Forward the start of a result that breaks off, without a fault."""
        if self._send is None:
            self._let_go()

    def _let_go(self) -> None:
        """Pass the held pieces on one by one: there may be no room for a copy of them all."""
        self._reserve = b""
        self._send = self._upstream.begin_request(framing.without(self._result.head, b"expect"))
        for at in range(0, len(self._data), PIECE):
            self._pass(bytes(self._data[at : at + PIECE]))
        self._data = bytearray()

    def _pass(self, content: bytes) -> None:
        assert self._send is not None
        self._send(chunk(content) if self._result.length == CHUNKED else content)


def rewrite_whole(injections: list[Injection], payload: bytes) -> Parts:
    """Apply these rewrites to a payload, one after the other."""

    def attempt(injections: list[Injection]) -> tuple[Parts, dict[Injection, str]]:
        if not injections:
            return (payload, b" ", 0, b""), {}
        answer = Answer(payload)
        unchanged = {}
        for injection in injections:
            answer.why = _SO_ALREADY
            if not injection.action.whole(answer):
                unchanged[injection] = answer.why
        return answer.parts(), unchanged

    good, (parts, unchanged) = _without_failing(injections, attempt)
    for injection in good:
        if injection in unchanged:
            injection.skipped(unchanged[injection])
        else:
            injection.happened()
    return parts


def _rewrite_buffered(turn: Turn, injections: list[Injection]) -> Message:
    """Send a buffered result, changed; as it was if no rewrite applied to it."""
    result = turn.message
    buffer = Buffer(turn.upstream, result)
    try:
        trailer = turn.runtime.read_body(result, buffer.keep)
    except Gone:
        buffer.break_off()
        raise
    payload = buffer.whole()
    if payload is None:
        for injection in injections:
            if buffer.short is None:
                injection.skipped(_TOO_LONG)
            else:
                injection.failed(buffer.short)
        return buffer.end(trailer)
    head = framing.without(result.head, b"expect")
    parts = rewrite_whole(injections, payload)
    return turn.responder.send(head, parts, trailer if result.length == CHUNKED else None)


# -- streamed results -----------------------------------------------------------------------------


class _Settling(Watcher):
    """Settles an injection into a stream at its first change, or when its filter fails."""

    __slots__ = ("injection", "why")

    def __init__(self, injection: Injection) -> None:
        self.injection = injection
        self.why = ""

    def changed(self) -> None:
        self.injection.happened()

    def failed(self, error: Exception, *, told: bool) -> None:
        if told:
            log_failure(self.injection.rule, self.injection.request_id, error)
        else:
            self.injection.failed(error)


def _waiting(stream: Stream) -> list[_Settling]:
    """The watchers that no change has been reported to."""
    return [watcher for watcher in stream.waiting if isinstance(watcher, _Settling)]


def leave_unchanged(stream: Stream) -> None:
    """Settle those that the stream, which is over, gave no occasion to change anything."""
    for watcher in _waiting(stream):
        watcher.injection.skipped(watcher.why)


def rewriting_stream(injections: list[Injection], result: Message, changed: list[bool]) -> Stream:
    """The filter of a streamed result; one bool is added to `changed`: whether any applies."""

    def rewrite(stream: Stream) -> None:
        def attempt(injections: list[Injection]) -> dict[Injection, str]:
            stream.begin_again()
            unchanged = {}
            for injection in injections:
                stream.watcher = _Settling(injection)
                stream.why = _SO_ALREADY
                if not injection.action.stream(stream):
                    unchanged[injection] = stream.why
            if injections:
                stream.head()
            return unchanged

        good, unchanged = _without_failing(injections, attempt)
        waiting = [watcher.injection for watcher in _waiting(stream)]
        for injection in good:
            if injection in unchanged:
                injection.skipped(unchanged[injection])
            elif injection not in waiting:
                injection.happened()
        changed.append(len(unchanged) < len(good))

    return Stream(http=is_http_stream(result), rewrite=rewrite)


def _restream(turn: Turn, injections: list[Injection]) -> Message:
    """Pass a streamed result on as it arrives, changed on the way."""
    changed: list[bool] = []
    stream = rewriting_stream(injections, turn.message, changed)
    if changed == [False]:  # no prelude to wait for, and nothing applies
        return turn.upstream.forward_request(turn.message)
    send = turn.upstream.begin_request(chunked_head(turn.message))

    def forward(content: bytes) -> None:
        piece = chunk(stream.feed(bytes(content)))
        if piece:
            send(piece)

    trailer = turn.runtime.read_body(turn.message, forward)
    send(chunk(stream.end()))
    for piece in stream.padding():
        send(chunk(piece))
    leave_unchanged(stream)
    send(b"0\r\n" + (trailer or b"\r\n"))
    return turn.upstream.finish_request()
