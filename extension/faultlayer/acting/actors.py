"""The table of actors: the class that carries out each action.

    action type ──_TABLE──> module, class ──> Actor: before, meanwhile, after

An actor gets all open injections of its type into one invocation at once, and settles each that it
carries out or fails to. Those that it leaves open are withdrawn when the invocation ends. A new
action is one file with its actor, and one line here. A file is loaded when its action first hits.
"""

from __future__ import annotations

from faultlayer.vocabulary.actions import (
    Alter,
    Crash,
    Delay,
    Disturb,
    Fail,
    Hold,
    HoldPastDeadline,
    Repeat,
    Respond,
    Rewrite,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.acting.pending import Pending
    from faultlayer.acting.responses import Responder
    from faultlayer.http.message import Message
    from faultlayer.targeting.injection import Injection
    from faultlayer.vocabulary.actions import Action
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide

_TABLE: dict[type[Action], tuple[str, str]] = {
    Delay: ("delays", "Delaying"),
    HoldPastDeadline: ("delays", "HoldingPastDeadline"),
    Crash: ("crash", "Crashing"),
    Fail: ("outcomes", "Failing"),
    Respond: ("outcomes", "Responding"),
    Hold: ("hold", "Holding"),
    Disturb: ("disturb", "Disturbing"),
    Alter: ("alter", "Altering"),
    Repeat: ("redelivery", "Repeating"),
    Rewrite: ("rewriting", "Rewriting"),
}
_loaded: dict[type[Action], Actor] = {}


class Turn:
    """One invocation as its actors see it, on one side of the function.

    - `message`: the event (before), or the function's result (after)
    - `is_result`: the function answered; false for an error that it reports
    - `wait`: how a delay waits
    - `deadline`: when Lambda ends the invocation, in seconds since the epoch (None: unknown)

    Set by actors:
    - `over`: the function must not see the event
    - `built`: the result in the function's place, not sent yet, and its injection
    - `receipt`: Lambda's reply to the result, once it is sent
    """

    __slots__ = (
        "built",
        "deadline",
        "is_result",
        "message",
        "over",
        "pending",
        "receipt",
        "responder",
        "runtime",
        "runtime_api",
        "upstream",
        "wait",
    )

    def __init__(
        self,
        pending: Pending,
        message: Message,
        runtime: RuntimeSide,
        upstream: UpstreamSide,
        responder: Responder,
        runtime_api: bytes,
        wait: Callable[[float], None],
        *,
        is_result: bool = True,
        deadline: float | None = None,
    ) -> None:
        self.pending = pending
        self.message = message
        self.runtime = runtime
        self.upstream = upstream
        self.responder = responder
        self.runtime_api = runtime_api
        self.wait = wait
        self.is_result = is_result
        self.deadline = deadline
        self.over = False
        self.built: tuple[Injection, bytes] | None = None
        self.receipt: Message | None = None


class Actor:
    """Carries out the actions of one type.

    `place` is its place among the actors before the function runs, `place_after` the same after.
    """

    place = 0
    place_after = 0

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        """Act before the function gets the event."""

    def meanwhile(self, turn: Turn, injections: list[Injection]) -> None:
        """Act while the function has the event."""

    def after(self, turn: Turn, injections: list[Injection]) -> None:
        """Act on the function's result, or on the one that was built in its place."""


def actor_of(kind: type[Action]) -> Actor:
    """The actor for this type of action."""
    actor = _loaded.get(kind)
    if actor is None:
        module, name = _TABLE[kind]
        found = __import__(f"faultlayer.acting.{module}", None, None, (name,))
        actor = _loaded[kind] = getattr(found, name)()
    return actor
