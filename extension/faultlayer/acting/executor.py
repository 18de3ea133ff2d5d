"""Carry out the injections into one invocation: before the function, meanwhile and after it.

    Chosen ──before──> Pending ──meanwhile──> (the function works) ──after──> Lambda's receipt

The actors act in the order of their places. An invocation is answered exactly once: by the result
that an outcome built in the function's place, or by the function's own. Injections that an actor
leaves open are withdrawn, also if a peer leaves in the middle.
"""

from __future__ import annotations

from time import sleep

from faultlayer.acting.actors import Actor, Turn, actor_of
from faultlayer.acting.pending import Pending
from faultlayer.acting.responses import Responder, drop
from faultlayer.http.runtime_api import RESPONSE
from faultlayer.log import emit
from faultlayer.targeting.injection import withdraw_open
from faultlayer.vocabulary.actions import BEFORE, Crash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.http.message import Message
    from faultlayer.targeting.injection import Chosen
    from faultlayer.vocabulary.actions import Action
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide


class Executor:
    """Acts on one runtime connection."""

    __slots__ = ("_responder", "_runtime", "_runtime_api", "_upstream")

    def __init__(
        self, runtime: RuntimeSide, upstream: UpstreamSide, host: bytes, runtime_api: bytes
    ) -> None:
        self._runtime = runtime
        self._upstream = upstream
        self._responder = Responder(upstream, host)
        self._runtime_api = runtime_api

    def _turn(
        self,
        pending: Pending,
        message: Message,
        wait: Callable[[float], None],
        *,
        is_result: bool = True,
        deadline: float | None = None,
    ) -> Turn:
        return Turn(
            pending,
            message,
            self._runtime,
            self._upstream,
            self._responder,
            self._runtime_api,
            wait,
            is_result=is_result,
            deadline=deadline,
        )

    def before(self, chosen: Chosen, event: Message) -> Pending | None:
        """Act before the function runs; None if the function must not see the event."""
        pending = Pending(chosen)
        deadline = chosen.invocation.deadline()
        turn = self._turn(pending, event, self._runtime.wait, deadline=deadline)
        try:
            for kind, actor in _actors(pending, "place"):
                actor.before(turn, pending.open(kind))
                if turn.over:
                    break
            if turn.built is not None:
                self._send_instead(turn)
        except BaseException:
            pending.end()
            raise
        if turn.over:
            pending.end()
            return None
        return pending

    def _send_instead(self, turn: Turn) -> None:
        """Send the result that was built in the function's place, as if it were the function's."""
        assert turn.built is not None
        outcome = turn.built[0]
        self._upstream.read_rest(turn.message, drop)
        for injections in turn.pending.groups.values():
            withdraw_open(
                injection
                for injection in injections
                if injection is not outcome and injection.action.when == BEFORE
            )
        self._act_after(turn)
        receipt = turn.receipt
        if receipt is not None:
            self._upstream.read_rest(receipt, drop)
            if receipt.status >= 300:
                request_id = turn.pending.request_id
                emit("warn", "answer_refused", request_id=request_id, status=receipt.status)

    def meanwhile(self, pending: Pending, event: Message) -> None:
        """Act while the function has the event; raise Gone if the runtime is killed."""
        turn = self._turn(pending, event, self._runtime.wait)
        for kind, actor in _actors(pending):
            actor.meanwhile(turn, pending.open(kind))

    def crash(self, pending: Pending, result: Message) -> None:
        """Kill the runtime if that is due when it has answered; raises Gone then."""
        if pending.fatal:
            actor_of(Crash).after(self._turn(pending, result, sleep), [])

    def after(self, pending: Pending, kind: bytes, result: Message) -> Message:
        """Act on the function's result or error; return Lambda's receipt for the one sent."""
        # A plain sleep, even if the runtime leaves meanwhile: its report counts all the same.
        turn = self._turn(pending, result, sleep, is_result=kind == RESPONSE)
        self._act_after(turn)
        return turn.receipt or self._upstream.forward_request(result)

    @staticmethod
    def _act_after(turn: Turn) -> None:
        pending = turn.pending
        for kind, actor in _actors(pending, "place_after"):
            actor.after(turn, pending.open(kind))
            if turn.receipt is not None:
                return


def _actors(pending: Pending, place: str = "") -> list[tuple[type[Action], Actor]]:
    """The actors of this invocation's injections, in the order of this attribute.

    If one cannot be loaded (no descriptors, no memory), its injections fail and the others happen.
    """
    found = []
    for kind in pending.groups:
        try:
            found.append((kind, actor_of(kind)))
        except Exception as error:
            for injection in pending.open(kind):
                injection.failed(error)
    return sorted(found, key=lambda one: getattr(one[1], place)) if place else found
