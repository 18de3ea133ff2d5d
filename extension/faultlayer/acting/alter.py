"""The event changed before the function gets it."""

from __future__ import annotations

from faultlayer.acting.actors import Actor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.actors import Turn
    from faultlayer.targeting.injection import Injection

_NO_CHANGE = "the fault changes nothing in the event"


class Altering(Actor):
    """Changes the event, one change after another."""

    place = 4

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        try:
            content = turn.upstream.buffer_event(turn.message) if injections else None
        except MemoryError as error:
            for injection in injections:
                injection.failed(error)
            return
        for injection in injections:
            try:
                altered = None if content is None else injection.action.change(content)
                if altered is not None:
                    turn.message.replace(altered)
            except Exception as error:
                injection.failed(error)
                continue
            if altered is None:
                injection.skipped(_NO_CHANGE)
            else:
                injection.happened()
                content = altered
