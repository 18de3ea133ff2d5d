"""Terminal actions: the invocation ends in an error or a status, instead of the function's result.

    before: build ──> the function never sees the event ──> the actors of `after` ──> send
    after:  the function's result is read and dropped ──> build ──> send

Rewrites change a response that is built here, too; an error passes as it is.
"""

from __future__ import annotations

from faultlayer.acting.actors import Actor
from faultlayer.acting.responses import chunked_head, is_streamed
from faultlayer.acting.rewriting import leave_unchanged, rewrite_whole, rewriting_stream
from faultlayer.targeting.injection import refusal
from faultlayer.vocabulary.actions import BEFORE, Rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.actors import Turn
    from faultlayer.http.message import Message
    from faultlayer.targeting.injection import Injection


class _Outcome(Actor):
    place = 2
    place_after = 2

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        for injection in injections:
            if injection.action.when == BEFORE:
                built = self._try_to_build(turn, injection, None)
                if built is not None:
                    turn.built = injection, built
                    turn.over = True
                    return

    def after(self, turn: Turn, injections: list[Injection]) -> None:
        if turn.built is not None:
            injection, built = turn.built
            if injection in injections:
                turn.receipt = self._send(turn, injection, built, None)
            return
        streamed = turn.message if turn.is_result and is_streamed(turn.message) else None
        for injection in injections:
            found = self._try_to_build(turn, injection, streamed)
            if found is not None:
                # If it breaks off, the runtime has failed: nothing is sent in its place.
                turn.runtime.read_body(turn.message, None)
                turn.receipt = self._send(turn, injection, found, streamed)
                return

    def _try_to_build(
        self, turn: Turn, injection: Injection, streamed: Message | None
    ) -> bytes | None:
        """The result in the function's place; None if making it fails, which is logged."""
        try:
            return self._build(turn, injection, streamed)
        except Exception as error:
            injection.failed(error)
            return None

    def _build(self, turn: Turn, injection: Injection, streamed: Message | None) -> bytes:
        raise NotImplementedError

    def _send(
        self, turn: Turn, injection: Injection, built: bytes, streamed: Message | None
    ) -> Message:
        raise NotImplementedError


class Failing(_Outcome):
    """Ends the invocation in a function error."""

    def _build(self, turn: Turn, injection: Injection, streamed: Message | None) -> bytes:
        return turn.responder.build_error(turn.pending, injection.action)

    def _send(
        self, turn: Turn, injection: Injection, built: bytes, streamed: Message | None
    ) -> Message:
        return _settle(injection, turn.upstream.send(built))


class Responding(_Outcome):
    """Ends the invocation in a response with an HTTP status."""

    def _build(self, turn: Turn, injection: Injection, streamed: Message | None) -> bytes:
        return turn.responder.build_response(injection.action, streamed)

    def _send(
        self, turn: Turn, injection: Injection, built: bytes, streamed: Message | None
    ) -> Message:
        rewrites = turn.pending.open(Rewrite)
        if streamed is None:
            parts = rewrite_whole(rewrites, built)
            return _settle(injection, turn.responder.send_instead(turn.pending, parts))
        stream = rewriting_stream(rewrites, streamed, [])
        content = stream.feed(built) + stream.end()
        padding = stream.padding()
        leave_unchanged(stream)
        head = chunked_head(streamed)
        receipt = turn.responder.send_pieces(head, (content, *padding), b"\r\n")
        return _settle(injection, receipt)


def _settle(injection: Injection, receipt: Message) -> Message:
    """Settle this outcome by Lambda's receipt for it, and return that."""
    if receipt.status < 300:
        injection.happened()
    else:
        injection.skipped(refusal(receipt.status))
    return receipt
