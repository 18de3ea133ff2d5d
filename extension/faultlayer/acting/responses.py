"""What is said in the function's place, and what becomes of its answers on the way out.

It promises that all that a fault makes of an answer is made before a byte of it leaves: one that
fails leaves the answer as the function gave it, is told of in one line and does not count. What
memory has no room for passes untouched, too.
"""

from __future__ import annotations

from time import monotonic

from faultlayer.acting.pending import give_back
from faultlayer.environment.memory import require_memory
from faultlayer.http import framing
from faultlayer.http.framing import CHUNKED, chunk, header
from faultlayer.http.runtime_api import (
    ERROR,
    JSON_HEADERS,
    RESPONSE,
    error_body,
    error_headers,
    post,
)
from faultlayer.jsontext import dump_bytes
from faultlayer.targeting.injection import broken
from faultlayer.vocabulary.actions import Delay, Fail, Outlast, Respond, Rewrite
from faultlayer.vocabulary.answer import PRELUDE, Answer, filled, status_payload
from faultlayer.vocabulary.streamed import HTTP_STREAM, SEPARATOR, Stream, Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from faultlayer.acting.pending import Pending
    from faultlayer.http.message import Message
    from faultlayer.targeting.injection import Hit
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide

    Made = TypeVar("Made")
    Parts = tuple[bytes, bytes, int, bytes]

# Past Lambda's own limit (6 MB + 100 bytes) an answer is refused whatever a fault makes of it.
_MAX_BUFFERED = 7 << 20
_PIECE = 65536  # bytes; what is longer is not copied together with its head
_STEP = 2 * _PIECE  # bytes that receiving takes, from one piece that is kept to the next
_TOO_LONG = "the answer is longer than Lambda takes, and passes as it is"
_AN_ERROR = "the function reported an error, which passes as it is"
_SO_ALREADY = "nothing in the answer changes by it"
_RESERVE = 8 * _PIECE  # bytes, more than passing on takes what is kept


def forget(data: bytes) -> None:
    """What is read for its end alone."""


def left(action: Delay | Outlast) -> float:
    """How long to hold from now on, in seconds."""
    return action.seconds + 0.0 if action.until is None else max(action.until - monotonic(), 0.0)


def rewriting(pending: Pending) -> list[Hit]:
    """Those that change the answer on its way."""
    return [hit for hit in pending.hits if isinstance(hit.action, Rewrite)]


def _sound(
    hits: list[Hit], request_id: str, attempt: Callable[[list[Hit]], Made]
) -> tuple[list[Hit], Made]:
    """What comes of these hits, without those that fail; and which did not."""
    try:
        return hits, attempt(hits)
    except Exception:  # whose it is shows one by one
        good: list[Hit] = []
    for hit in hits:
        try:
            attempt([*good, hit])
        except Exception as error:
            hit.fail(request_id, error)
        else:
            good.append(hit)
    return good, attempt(good)


class Held:
    """The content of a buffered answer as it arrives; passed on untouched where it gets too long.

    As only chunks can turn out to be, or for what memory is left: `short` is that trouble. Since
    passing on takes memory as well, some is kept back for that.
    """

    def __init__(self, upstream: UpstreamSide, request: Message) -> None:
        self.short: MemoryError | None = None
        self._upstream = upstream
        self._request = request
        self._data = bytearray()
        self._reserve = b""
        self._send: Callable[[bytes], object] | None = None

    def keep(self, content: bytes) -> None:
        """Take what has arrived."""
        if self._send is not None:
            self._pass(content)
            return
        size = len(self._data)
        try:
            require_memory(size, size + len(content))
            self._data.extend(content)
            if size > _PIECE:
                self._reserve = self._reserve or bytes(_RESERVE)
                bytes(_STEP)  # raises where there is no room for it
        except MemoryError as error:
            self.short = error
            rest = content[len(self._data) - size :]
            self._let_go()
            self._pass(rest)
        if len(self._data) > _MAX_BUFFERED:
            self._let_go()

    def whole(self) -> bytes | None:
        """All of it; None where it is on its way already."""
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
        """What is said to an answer that was passed on; `trailer` ends one in chunks."""
        if self._send is not None and self._request.length == CHUNKED:
            self._send(b"0\r\n" + trailer)
        return self._upstream.finish_request()

    def _let_go(self) -> None:
        """Pass on what was held, piece by piece: there may be no room for a copy of it all."""
        self._reserve = b""
        self._send = self._upstream.begin_request(framing.without(self._request.head, b"expect"))
        for at in range(0, len(self._data), _PIECE):
            self._pass(bytes(self._data[at : at + _PIECE]))
        self._data = bytearray()

    def _pass(self, content: bytes) -> None:
        assert self._send is not None
        self._send(chunk(content) if self._request.length == CHUNKED else content)


class Outgoing:
    """Says upstream what one runtime connection's invocations come to."""

    __slots__ = ("_host", "_runtime", "_upstream")

    def __init__(self, runtime: RuntimeSide, upstream: UpstreamSide, host: bytes) -> None:
        self._runtime = runtime
        self._upstream = upstream
        self._host = host

    # -- in the function's place ----------------------------------------------------------------

    def made(self, pending: Pending, hit: Hit, streamed: Message | None = None) -> bytes | None:
        """What a terminal action will say, in the place of this stream where there is one.

        None where making it fails: then it is told of, and the function keeps the word.
        """
        action = hit.action
        try:
            if isinstance(action, Fail):
                return self._error(pending, action)
            if isinstance(action, Outlast):
                return b"" if left(action) >= 0 else None
            assert isinstance(action, Respond)
            fields = status_payload(action.status, action.headers, action.body, action.read)
            whole = dump_bytes(fields)
            if streamed is None or not _http_stream(streamed):
                return whole
            prelude = {name: fields[name] for name in PRELUDE if name in fields}
            return dump_bytes(prelude) + SEPARATOR + action.body.encode()
        except Exception as error:
            hit.fail(pending.request_id, error)
            return None

    def _error(self, pending: Pending, action: Fail) -> bytes:
        headers = error_headers(action.error_type)
        body = error_body(action.error_type, action.message)
        return post(pending.request_id, ERROR, self._host, pending.invocation_id, headers, body)

    def conclude(self, pending: Pending, hit: Hit, said: bytes) -> Message:
        """Answer in the function's place what was made for that."""
        hit.log(pending.request_id)
        if isinstance(hit.action, Fail):
            give_back(rewriting(pending))
            return self._upstream.send(said)
        about = self._host, pending.invocation_id
        head = post(pending.request_id, RESPONSE, *about, JSON_HEADERS, b"")
        return self._send(head, self._parts(pending, said))

    def replace(
        self, pending: Pending, hit: Hit, said: bytes, streamed: Message | None, request: Message
    ) -> Message:
        """Put what was made in the place of what the function answered."""
        self._runtime.read_body(request, None)
        if streamed is None or isinstance(hit.action, Fail):
            return self.conclude(pending, hit, said)
        hit.log(pending.request_id)
        filtered = self._stream(pending, streamed, [])
        content = filtered.feed(said) + filtered.end()
        padding = filtered.padding()
        _leave_out(filtered, pending.request_id)
        return self._send_pieces(_chunked(streamed), (content, *padding), b"\r\n")

    # -- on the way out -------------------------------------------------------------------------

    def pass_on(self, pending: Pending, what: bytes, request: Message) -> Message:
        """Send the function's answer or error report, changed where something rewrites it."""
        hits = rewriting(pending)
        if hits and what == RESPONSE:
            if is_streamed(request):
                return self._restream(pending, request)
            if request.length <= _MAX_BUFFERED:
                return self._rewritten(pending, hits, request)
        why = _TOO_LONG if what == RESPONSE else _AN_ERROR
        for hit in hits:
            hit.skip(pending.request_id, why)
        return self._upstream.forward_request(request)

    def _parts(self, pending: Pending, payload: bytes) -> Parts:
        """What every rewriting hit has made of this answer, one after the other."""

        def attempt(hits: list[Hit]) -> tuple[Parts, dict[Hit, str]]:
            if not hits:
                return (payload, b" ", 0, b""), {}
            answer = Answer(payload)
            unchanged = {}
            for hit in hits:
                assert isinstance(hit.action, Rewrite)
                answer.why = _SO_ALREADY
                if not hit.action.whole(answer):
                    unchanged[hit] = answer.why
            return answer.parts(), unchanged

        hits, (parts, unchanged) = _sound(rewriting(pending), pending.request_id, attempt)
        for hit in hits:
            if hit in unchanged:
                hit.skip(pending.request_id, unchanged[hit])
            else:
                hit.log(pending.request_id)
        return parts

    def _send(self, head: bytes, parts: Parts, trailer: bytes | None = None) -> Message:
        """Send an answer below this head; in chunks where there is a trailer section."""
        start, unit, count, end = parts
        if trailer is None:
            head = framing.with_length(head, len(start) + len(unit) * count + len(end))
        if count or len(start) > _PIECE:
            return self._send_pieces(head, filled(*parts), trailer)
        if trailer is None:
            return self._upstream.send(head + start)
        return self._upstream.send(head + chunk(start) + b"0\r\n" + trailer)

    def _send_pieces(
        self, head: bytes, pieces: Iterable[bytes], trailer: bytes | None = None
    ) -> Message:
        send = self._upstream.begin_request(head)
        for piece in pieces:
            if trailer is None:
                send(piece)
                continue
            for at in range(0, len(piece), _PIECE):
                send(chunk(piece[at : at + _PIECE]))
        if trailer is not None:
            send(b"0\r\n" + trailer)
        return self._upstream.finish_request()

    def _rewritten(self, pending: Pending, hits: list[Hit], request: Message) -> Message:
        """Send the function's buffered answer, changed; as it was where no fault applied to it."""
        held = Held(self._upstream, request)
        trailer = self._runtime.read_body(request, held.keep)
        payload = held.whole()
        if payload is None:
            for hit in hits:
                if held.short is None:
                    hit.skip(pending.request_id, _TOO_LONG)
                else:
                    hit.fail(pending.request_id, held.short)
            return held.end(trailer)
        head = framing.without(request.head, b"expect")
        parts = self._parts(pending, payload)
        return self._send(head, parts, trailer if request.length == CHUNKED else None)

    def _stream(self, pending: Pending, request: Message, changed: list[bool]) -> Stream:
        """The filter of a streamed answer; `changed` is told once whether it changes anything."""
        who = pending.request_id

        def rewrite(stream: Stream) -> None:
            def attempt(hits: list[Hit]) -> dict[Hit, str]:
                stream.begin_again()
                unchanged = {}
                for hit in hits:
                    assert isinstance(hit.action, Rewrite)
                    stream.watcher = _Logging(hit, who)
                    stream.why = _SO_ALREADY
                    if not hit.action.stream(stream):
                        unchanged[hit] = stream.why
                if hits:
                    stream.head()
                return unchanged

            hits, unchanged = _sound(rewriting(pending), who, attempt)
            waiting = [watcher.hit for watcher in stream.waiting if isinstance(watcher, _Logging)]
            for hit in hits:
                if hit in unchanged:
                    hit.skip(who, unchanged[hit])
                elif hit not in waiting:
                    hit.log(who)
            changed.append(len(unchanged) < len(hits))

        return Stream(http=_http_stream(request), rewrite=rewrite)

    def _restream(self, pending: Pending, request: Message) -> Message:
        """Pass a streamed answer on as it arrives, changed on the way."""
        changed: list[bool] = []
        filtered = self._stream(pending, request, changed)
        if changed == [False]:  # no prelude to wait for, and nothing applies
            return self._upstream.forward_request(request)
        send = self._upstream.begin_request(_chunked(request))

        def forward(content: bytes) -> None:
            piece = chunk(filtered.feed(bytes(content)))
            if piece:
                send(piece)

        try:
            trailer = self._runtime.read_body(request, forward)
            send(chunk(filtered.end()))
            for piece in filtered.padding():
                send(chunk(piece))
        except BaseException:  # a peer is gone
            for watcher in filtered.waiting:
                if isinstance(watcher, _Logging):
                    watcher.hit.rule.give_back()
            raise
        _leave_out(filtered, pending.request_id)
        send(b"0\r\n" + (trailer or b"\r\n"))
        return self._upstream.finish_request()


class _Logging(Watcher):
    """Logs an injection into a stream at its first change."""

    __slots__ = ("_who", "hit", "why")

    def __init__(self, hit: Hit, who: str) -> None:
        self.hit = hit
        self.why = ""
        self._who = who

    def changed(self) -> None:
        self.hit.log(self._who)

    def failed(self, error: Exception, *, told: bool) -> None:
        if told:
            broken(self.hit.rule, self._who, error)
        else:
            self.hit.fail(self._who, error)


def _leave_out(stream: Stream, who: str) -> None:
    """Uncount what a stream, which is over, gave no occasion to change."""
    for watcher in stream.waiting:
        if isinstance(watcher, _Logging):
            watcher.hit.skip(who, watcher.why)


def is_streamed(request: Message) -> bool:
    """Whether the runtime streams this answer."""
    mode = header(request.data, request.lowered, b"lambda-runtime-function-response-mode")
    return mode.lower() == b"streaming"


def _http_stream(request: Message) -> bool:
    kind = header(request.data, request.lowered, b"content-type").lower()
    return is_streamed(request) and kind.startswith(HTTP_STREAM)


def _chunked(request: Message) -> bytes:
    """The runtime's own head, for a body in chunks."""
    head = framing.without(request.head, b"expect")
    if request.length == CHUNKED:
        return head
    line, _, rest = framing.without(head, b"content-length").partition(b"\n")
    return line + b"\nTransfer-Encoding: chunked\r\n" + rest
