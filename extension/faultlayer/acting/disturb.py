"""Connections disturbed: in force from the event until the result.

    before: begin ──> the function works, its connections are disturbed ──> after: end

An injection happens when it touches a connection: the loop of `dependencies` logs it then. One that
has touched none by the end is skipped.
"""

from __future__ import annotations

from faultlayer.acting.actors import Actor
from faultlayer.dependencies import service
from faultlayer.dependencies.conditions import MISSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.actors import Turn
    from faultlayer.targeting.injection import Injection


class Disturbing(Actor):
    """Puts disturbances in force before the function gets the event."""

    place = 6  # last: nothing else must be slowed down, and delays be over
    place_after = 0

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        if not injections:
            return
        why = service.unfit()
        if why:
            for injection in injections:
                injection.skipped(why)
            return
        turn.pending.disturbing = Disturbed(injections)

    def after(self, turn: Turn, injections: list[Injection]) -> None:
        disturbed = turn.pending.disturbing
        if disturbed is not None:
            disturbed.end()
        for injection in injections:
            if injection.is_open:
                why = service.untouched() if disturbed is None else disturbed.why(injection)
                injection.skipped(why)


class Disturbed:
    """The disturbances of one invocation, in force until `end`."""

    __slots__ = ("_conditions", "_injections", "_missed")

    def __init__(self, injections: list[Injection]) -> None:
        self._injections = injections
        self._missed = service.running().missed
        self._conditions = service.running().begin(injections)

    def why(self, injection: Injection) -> str:
        """The reason if this one has touched nothing."""
        if service.running().missed != self._missed:
            return MISSED
        otherwise = service.untouched()
        for condition in self._conditions:
            if condition.injection is injection:
                return condition.why_untouched(otherwise)
        return otherwise

    def end(self) -> None:
        """Take them out of force; a second call does nothing."""
        injections, self._injections = self._injections, []
        if injections:
            service.running().end(injections)
            if any(injection.is_open for injection in injections):
                service.running().catch_up()
