"""EVENT: the function receives a damaged event: members removed, replaced, of the wrong type.

Paths are those of a match. A value is set at the end of its path, and objects on the way are made
if nothing or null is there; null removes. A list does not grow, and text or numbers get no members.
All else keeps every byte. An event that is not JSON, or in which no path changes anything, is left
alone.
"""

from __future__ import annotations

from faultlayer.events.edit import set_path
from faultlayer.events.paths import parts_of
from faultlayer.jsontext import Repeated, dump_bytes, dumps, is_number, json_value
from faultlayer.values.kinds import Kind
from faultlayer.vocabulary.actions import Action, Alter, NotApplicable
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation

_MOST = 64


def _checked(value: Any) -> None:
    """Refuse a value that JSON cannot hold, or that can be read in two ways."""
    if isinstance(value, Repeated):
        raise ValueError("has a member that is given more than once")
    if isinstance(value, float) and not is_number(value):
        raise ValueError("has a number that JSON cannot hold")
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            _checked(inner)


class Changes(Kind):
    """A JSON object of paths to values; null removes the value there."""

    metavar = "JSON"
    allowed = f"a JSON object of paths to values or null, which removes; at most {_MOST}"
    example = '{"Records.0.body":"{","Records.0.attributes":null}'

    def parse(self, value: Any) -> dict[str, Any]:
        changes = json_value(value)
        if not isinstance(changes, dict) or not changes:
            raise ValueError("is not a JSON object with at least one member")
        if len(changes) > _MOST:
            raise ValueError(f"has more than {_MOST} paths")
        try:
            _checked(changes)
            dumps(changes)
        except RecursionError:
            raise ValueError("is nested too deeply") from None
        for number, path in enumerate(changes, 1):
            try:
                parts_of(path)
            except ValueError as error:
                raise ValueError(f"is wrong in member {number}: {error}") from None
        return changes

    def show(self, value: Any) -> str:
        return dumps(value)


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    content = invocation.content() if invocation.readable() else None
    if content is None:
        return NotApplicable("the event is not JSON")
    changes = [
        (parts_of(path), None if value is None else dump_bytes(value).decode())
        for path, value in options.changes.items()
    ]

    def change(event: bytes) -> bytes | None:
        """The event as the function gets it; None if nothing changes."""
        before = text = event.decode()
        for path, value in changes:
            text = set_path(text, path, value)
        return None if text == before else text.encode()

    if change(content) is None:
        return NotApplicable("no path changes anything in the event")
    return Alter(change, paths=len(changes))


FAULT = Fault(
    __name__,
    order=40,
    help="the function receives a damaged event",
    main=Option("changes", Changes(), "what to set, by path as in a match; null removes"),
    decide=decide,
    logged={
        "paths": "how many paths of the event are to be set or removed",
    },
)
