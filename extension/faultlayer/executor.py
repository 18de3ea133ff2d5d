"""Carries out what the faults decided: the only place that acts.

It promises one log line per injection, before it happens; that an invocation is answered exactly
once; that what a fault does not apply to passes untouched.
"""

from __future__ import annotations

from time import monotonic, sleep

from faultlayer import http1
from faultlayer.actions import (
    BEFORE,
    Alter,
    Crash,
    Delay,
    Fail,
    Hold,
    Outlast,
    Repeat,
    Respond,
    Rewrite,
)
from faultlayer.answer import (
    HTTP_STREAM,
    PRELUDE,
    SEPARATOR,
    Answer,
    Stream,
    dump,
    filled,
    status_payload,
)
from faultlayer.http1 import CHUNKED, chunk, header
from faultlayer.log import emit
from faultlayer.pending import Pending, give_back
from faultlayer.runtime_api import (
    ERROR,
    JSON_HEADERS,
    RESPONSE,
    error_body,
    error_headers,
    post,
)
from faultlayer.sockets import Gone, wait_for_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from faultlayer.aim import Hit, Hits
    from faultlayer.invocation import Invocation
    from faultlayer.link import Link, Message

# Past Lambda's own limit (6 MB + 100 bytes) an answer is refused whatever a fault makes of it.
_MAX_BUFFERED = 7 << 20
_GRACE = 5.0  # seconds after the deadline by which Lambda has ended this environment


class Executor:
    """Acts on one runtime connection."""

    __slots__ = ("_host", "_link", "_runtime_api")

    def __init__(self, link: Link, host: bytes, runtime_api: bytes) -> None:
        self._link = link
        self._host = host
        self._runtime_api = runtime_api

    # -- on the way in ------------------------------------------------------------------------

    def before(self, hits: Hits, event: Message) -> Pending | None:
        """Act before the function runs.

        Returns what is to be done after it; None where the invocation is over, and the function
        must not see it.
        """
        invocation = hits.invocation
        pending = Pending(invocation, [])
        outcome: Hit | None = None
        changes: list[Hit] = []
        holds: list[Hit] = []
        for hit in hits.hits:
            action = hit.action
            if isinstance(action, Crash):
                pending.fatal.append(hit)
            elif action.when != BEFORE:
                pending.hits.append(hit)
            elif action.terminal:
                outcome = hit
            elif isinstance(action, Delay):
                hit.log(invocation.request_id)
                self._link.hold(_left(action))
            else:
                (holds if isinstance(action, Hold) else changes).append(hit)
        if pending.fatal and pending.fatal[0].action.when == BEFORE:
            self._crash(pending, changes + holds)
        if outcome is None:
            try:
                if holds:
                    self._take(pending, holds, invocation)
                repeats = self._alter(changes, event, invocation.request_id)
                if repeats:
                    self._repeat(pending, repeats, event, invocation.deadline())
            except BaseException:
                pending.release()
                raise
            return pending
        self._link.finish(event, _forget)
        give_back(changes + holds)
        if isinstance(outcome.action, Outlast):
            give_back(pending.hits)
            outcome.log(invocation.request_id)
            self._link.hold(_left(outcome.action) + _GRACE)
            return None
        self._delays(pending, self._link.hold)
        refused = self._conclude(pending, outcome)
        self._link.finish(refused, _forget)
        if refused.status >= 300:
            emit("warn", "answer_refused", request_id=pending.request_id, status=refused.status)
        return None

    def _alter(self, changes: list[Hit], event: Message, request_id: str) -> list[Hit]:
        """Let every change of the event have its turn; one that changes nothing does not count.

        Returns those that are no changes of the event itself.
        """
        repeats: list[Hit] = []
        content = self._link.gather(event) if changes else None
        for hit in changes:
            if isinstance(hit.action, Repeat):
                repeats.append(hit)
                continue
            assert isinstance(hit.action, Alter)
            altered = None if content is None else hit.action.change(content)
            if altered is None:
                hit.rule.give_back()
            else:
                hit.log(request_id)
                content = altered
                event.replace(altered)
        return repeats

    def _take(self, pending: Pending, holds: list[Hit], invocation: Invocation) -> None:
        """Take what is to be held of the sandbox while the invocation lasts."""
        from faultlayer.sandbox import Sandbox

        pending.sandbox = Sandbox(self._runtime_api, invocation.deadline())
        pending.sandbox.take(holds, pending.request_id)

    def meanwhile(self, pending: Pending) -> None:
        """Act while the function has the event; raises Gone where the runtime is killed."""
        for hit in pending.fatal[:]:
            assert isinstance(hit.action, Crash)
            until = monotonic() + hit.action.seconds
            wait_for_input(self._link.client, until, monotonic, lambda: bool(pending.fatal))
            self._crash(pending, [])

    def _crash(self, pending: Pending, others: list[Hit]) -> None:
        """Kill the runtime, once; raises Gone when it is gone. Where it is not found goes on."""
        try:
            hit = pending.fatal.pop()
        except IndexError:  # there was none, or another connection's thread was first
            return
        from faultlayer.processes import crash

        address, request_id = self._runtime_api, pending.request_id
        if not crash(hit, address, request_id, lambda: pending.end(others)):
            return
        self._link.hold(_GRACE)
        raise Gone("the runtime, which was killed")

    def _repeat(
        self, pending: Pending, hits: list[Hit], event: Message, ends: float | None
    ) -> None:
        """Prepare for the event to be given again, the most times that one of these asks for."""
        if event.body is not None:  # longer than any event can be
            give_back(hits)
            return
        from faultlayer.repeat import Deliveries

        hits.sort(key=lambda hit: hit.action.numbers["times"])
        pending.deliveries = Deliveries(hits.pop(), self._link, event, ends)
        give_back(hits)
        for hit in pending.hits:
            if isinstance(hit.action, Delay):
                pending.deliveries.reserve(hit.action.seconds)

    # -- on the way out -----------------------------------------------------------------------

    def after(self, pending: Pending, what: bytes, request: Message) -> Message:
        """Act on the function's answer or error report; returns what upstream said to it."""
        self._crash(pending, [])
        self._delays(pending, sleep)  # what a runtime has reported counts, though it may be gone
        for hit in pending.hits:
            if hit.action.terminal:
                return self._replace(pending, hit, what, request)
        rewrites = [hit for hit in pending.hits if isinstance(hit.action, Rewrite)]
        if not rewrites or what != RESPONSE:
            return self._untouched(rewrites, request)
        if _streamed(request):
            return self._restream(pending, request)
        if request.length > _MAX_BUFFERED:
            return self._untouched(rewrites, request)
        return self._rewritten(pending, request)

    def _untouched(self, rewrites: list[Hit], request: Message) -> Message:
        give_back(rewrites)
        return self._link.ask(request)

    @staticmethod
    def _delays(pending: Pending, hold: Callable[[float], None]) -> None:
        for hit in pending.hits:
            if isinstance(hit.action, Delay):
                hit.log(pending.request_id)
                hold(hit.action.seconds)

    def _apply(self, pending: Pending, change: Callable[[Rewrite], bool]) -> bool:
        """Let every rewriting hit have its turn; whether any changed something."""
        changed = False
        for hit in pending.hits:
            if not isinstance(hit.action, Rewrite):
                continue
            if change(hit.action):
                hit.log(pending.request_id)
                changed = True
            else:
                hit.rule.give_back()
        return changed

    def _conclude(self, pending: Pending, hit: Hit) -> Message:
        """Answer in the function's place."""
        hit.log(pending.request_id)
        action = hit.action
        who, about = pending.request_id, (self._host, pending.invocation_id)
        if isinstance(action, Fail):
            give_back([other for other in pending.hits if isinstance(other.action, Rewrite)])
            headers, body = (
                error_headers(action.error_type),
                error_body(action.error_type, action.message),
            )
            return self._link.ask_whole(post(who, ERROR, *about, headers, body))
        assert isinstance(action, Respond)
        answer = Answer(dump(status_payload(action.status, action.headers, action.body)))
        self._apply(pending, lambda rewrite: rewrite.whole(answer))
        return self._send(post(who, RESPONSE, *about, JSON_HEADERS, b""), answer)

    def _send(self, head: bytes, answer: Answer, trailer: bytes | None = None) -> Message:
        """Send an answer below this head; in chunks where there is a trailer section."""
        parts = start, unit, count, end = answer.parts()
        if trailer is None:
            head = http1.with_length(head, len(start) + len(unit) * count + len(end))
        if count:
            return self._send_pieces(head, filled(*parts), trailer)
        if trailer is None:
            return self._link.ask_whole(head + start)
        return self._link.ask_whole(head + chunk(start) + b"0\r\n" + trailer)

    def _send_pieces(
        self, head: bytes, pieces: Iterable[bytes], trailer: bytes | None = None
    ) -> Message:
        send = self._link.begin(head)
        for piece in pieces:
            if piece:
                send(piece if trailer is None else chunk(piece))
        if trailer is not None:
            send(b"0\r\n" + trailer)
        return self._link.hear()

    def _replace(self, pending: Pending, hit: Hit, what: bytes, request: Message) -> Message:
        """Put a terminal action's outcome in the place of what the function answered."""
        self._link.content(request, _forget)
        action = hit.action
        if not isinstance(action, Respond) or what != RESPONSE or not _streamed(request):
            return self._conclude(pending, hit)
        hit.log(pending.request_id)
        fields = status_payload(action.status, action.headers, action.body)
        if _http_stream(request):
            prelude = {name: fields[name] for name in PRELUDE}
            content = dump(prelude) + SEPARATOR + action.body.encode()
        else:
            content = dump(fields)
        filtered = self._stream(pending, request, [])
        content = filtered.feed(content) + filtered.end()
        return self._send_pieces(_chunked(request), (content, *filtered.padding()), b"\r\n")

    def _rewritten(self, pending: Pending, request: Message) -> Message:
        """Send the function's buffered answer, changed; as it was where no fault applied to it."""
        held = bytearray()
        send: Callable[[bytes], object] | None = None

        def keep(content: bytes) -> None:
            nonlocal send
            if send is None:
                held.extend(content)
                if len(held) <= _MAX_BUFFERED:
                    return
                # Too long, as only chunks can turn out to be: from here on it passes untouched.
                send = self._link.begin(http1.without(request.head, b"expect"))
                content = bytes(held)
            send(chunk(content))

        trailer = self._link.content(request, keep)
        if send is not None:
            give_back([hit for hit in pending.hits if isinstance(hit.action, Rewrite)])
            send(b"0\r\n" + trailer)
            return self._link.hear()
        answer = Answer(bytes(held))
        self._apply(pending, lambda rewrite: rewrite.whole(answer))
        head = http1.without(request.head, b"expect")
        return self._send(head, answer, trailer if request.length == CHUNKED else None)

    def _stream(self, pending: Pending, request: Message, changed: list[bool]) -> Stream:
        """The filter of a streamed answer; `changed` is told once whether it changes anything."""

        def rewrite(stream: Stream) -> None:
            changed.append(self._apply(pending, lambda action: action.stream(stream)))

        return Stream(http=_http_stream(request), rewrite=rewrite)

    def _restream(self, pending: Pending, request: Message) -> Message:
        """Pass a streamed answer on as it arrives, changed on the way."""
        changed: list[bool] = []
        filtered = self._stream(pending, request, changed)
        if changed == [False]:  # no prelude to wait for, and nothing applies
            return self._link.ask(request)
        send = self._link.begin(_chunked(request))

        def forward(content: bytes) -> None:
            piece = chunk(filtered.feed(bytes(content)))
            if piece:
                send(piece)

        trailer = self._link.content(request, forward)
        send(chunk(filtered.end()))
        for piece in filtered.padding():
            send(chunk(piece))
        send(b"0\r\n" + (trailer or b"\r\n"))
        return self._link.hear()


def _streamed(request: Message) -> bool:
    mode = header(request.data, request.lowered, b"lambda-runtime-function-response-mode")
    return mode.lower() == b"streaming"


def _http_stream(request: Message) -> bool:
    kind = header(request.data, request.lowered, b"content-type").lower()
    return _streamed(request) and kind.startswith(HTTP_STREAM)


def _chunked(request: Message) -> bytes:
    """The runtime's own head, for a body in chunks."""
    head = http1.without(request.head, b"expect")
    if request.length == CHUNKED:
        return head
    line, _, rest = http1.without(head, b"content-length").partition(b"\n")
    return line + b"\nTransfer-Encoding: chunked\r\n" + rest


def _forget(data: bytes) -> None:
    pass


def _left(action: Delay | Outlast) -> float:
    """How long to hold from now on, in seconds."""
    return action.seconds if action.until is None else max(action.until - monotonic(), 0.0)
