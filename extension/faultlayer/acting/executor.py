"""Carries out what the faults decided: the only place that acts.

It promises one log line per injection, before it happens; that an invocation is answered exactly
once; that what a fault does not apply to, or fails at, passes untouched.
"""

from __future__ import annotations

from time import monotonic, sleep

from faultlayer.acting.pending import Pending, give_back
from faultlayer.acting.responses import Outgoing, forget, is_streamed, left
from faultlayer.http.runtime_api import RESPONSE
from faultlayer.log import emit
from faultlayer.vocabulary.actions import BEFORE, Alter, Crash, Delay, Hold, Outlast, Repeat
from faultlayer.wire.sockets import Gone, wait_for_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http.message import Message
    from faultlayer.targeting.injection import Hit, Hits
    from faultlayer.vocabulary.invocation import Invocation
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide

_GRACE = 5.0  # seconds after the deadline by which Lambda has ended this environment


class Executor:
    """Acts on one runtime connection."""

    __slots__ = ("_outgoing", "_runtime", "_runtime_api", "_upstream")

    def __init__(
        self, runtime: RuntimeSide, upstream: UpstreamSide, host: bytes, runtime_api: bytes
    ) -> None:
        self._runtime = runtime
        self._upstream = upstream
        self._outgoing = Outgoing(runtime, upstream, host)
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
                _delay(hit, invocation.request_id, self._runtime.wait)
            else:
                (holds if isinstance(action, Hold) else changes).append(hit)
        if pending.fatal and pending.fatal[0].action.when == BEFORE:
            self._crash(pending, changes + holds)
        said = None if outcome is None else self._outgoing.made(pending, outcome)
        if outcome is not None and said is not None:
            self._instead(pending, outcome, said, changes + holds, event)
            return None
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

    def _instead(
        self, pending: Pending, outcome: Hit, said: bytes, others: list[Hit], event: Message
    ) -> None:
        """End the invocation in this outcome; the function never sees the event."""
        self._upstream.read_rest(event, forget)
        give_back(others)
        if isinstance(outcome.action, Outlast):
            give_back(pending.hits)
            outcome.log(pending.request_id)
            self._runtime.wait(left(outcome.action) + _GRACE)
            return
        self._delays(pending, self._runtime.wait)
        refused = self._outgoing.conclude(pending, outcome, said)
        self._upstream.read_rest(refused, forget)
        if refused.status >= 300:
            emit("warn", "answer_refused", request_id=pending.request_id, status=refused.status)

    def _alter(self, changes: list[Hit], event: Message, request_id: str) -> list[Hit]:
        """Let every change of the event have its turn; one that changes nothing does not count.

        Returns those that are no changes of the event itself.
        """
        repeats: list[Hit] = []
        try:
            content = self._upstream.buffer_event(event) if changes else None
        except MemoryError as error:
            for hit in changes:
                hit.fail(request_id, error)
            return []
        for hit in changes:
            if isinstance(hit.action, Repeat):
                repeats.append(hit)
                continue
            assert isinstance(hit.action, Alter)
            try:
                altered = None if content is None else hit.action.change(content)
                if altered is not None:
                    event.replace(altered)
            except Exception as error:
                hit.fail(request_id, error)
                continue
            if altered is None:
                hit.skip(request_id, "nothing in the event changes by it")
            else:
                hit.log(request_id)
                content = altered
        return repeats

    def _take(self, pending: Pending, holds: list[Hit], invocation: Invocation) -> None:
        """Take what is to be held of the sandbox while the invocation lasts."""
        from faultlayer.acting.hold import Sandbox

        pending.sandbox = Sandbox(self._runtime_api, invocation.deadline())
        pending.sandbox.take(holds, pending.request_id)

    def meanwhile(self, pending: Pending) -> None:
        """Act while the function has the event; raises Gone where the runtime is killed."""
        for hit in pending.fatal[:]:
            assert isinstance(hit.action, Crash)
            try:
                until = monotonic() + hit.action.seconds
            except Exception as error:
                pending.fatal.remove(hit)
                hit.fail(pending.request_id, error)
                continue
            wait_for_input(self._runtime.peer, until, monotonic, lambda: bool(pending.fatal))
            self._crash(pending, [])

    def _crash(self, pending: Pending, others: list[Hit]) -> None:
        """Kill the runtime, once; raises Gone when it is gone. Where it is not found goes on."""
        try:
            hit = pending.fatal.pop()
        except IndexError:  # there was none, or another connection's thread was first
            return
        from faultlayer.acting.crash import crash

        address, request_id = self._runtime_api, pending.request_id
        if not crash(hit, address, request_id, lambda: pending.end(others)):
            return
        self._runtime.wait(_GRACE)
        raise Gone("the runtime, which was killed")

    def _repeat(
        self, pending: Pending, hits: list[Hit], event: Message, ends: float | None
    ) -> None:
        """Prepare for the event to be given again, the most times that one of these asks for."""
        if event.body is not None:  # longer than any event can be
            for hit in hits:
                hit.skip(pending.request_id, "the event is longer than Lambda lets it be")
            return
        from faultlayer.acting.redelivery import Deliveries

        hits.sort(key=lambda hit: hit.action.numbers["times"])
        most = hits.pop()
        give_back(hits)
        try:
            deliveries = Deliveries(most, self._runtime, event, ends)
            for hit in pending.hits:
                if isinstance(hit.action, Delay):
                    deliveries.reserve(hit.action.seconds)
        except Exception as error:
            most.fail(pending.request_id, error)
        else:
            pending.deliveries = deliveries

    # -- on the way out -----------------------------------------------------------------------

    def after(self, pending: Pending, what: bytes, request: Message) -> Message:
        """Act on the function's answer or error report; returns what upstream said to it."""
        self._crash(pending, [])
        self._delays(pending, sleep)  # what a runtime has reported counts, though it may be gone
        streamed = request if what == RESPONSE and is_streamed(request) else None
        for hit in pending.hits:
            if hit.action.terminal:
                said = self._outgoing.made(pending, hit, streamed)
                if said is not None:
                    return self._outgoing.replace(pending, hit, said, streamed, request)
        return self._outgoing.pass_on(pending, what, request)

    @staticmethod
    def _delays(pending: Pending, hold: Callable[[float], None]) -> None:
        for hit in pending.hits:
            if isinstance(hit.action, Delay):
                _delay(hit, pending.request_id, hold)


def _delay(hit: Hit, request_id: str, hold: Callable[[float], None]) -> None:
    """Hold as long as this says, and say so before."""
    assert isinstance(hit.action, Delay)
    try:
        seconds = left(hit.action)
    except Exception as error:
        hit.fail(request_id, error)
    else:
        hit.log(request_id)
        hold(seconds)
