"""What users write: variables, plans and values, however wrong, are read or refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from faultlayer.events.match import Match
from faultlayer.faults import all_faults
from faultlayer.jsontext import decoded
from faultlayer.settings import plan
from faultlayer.settings.configuration import PLAN, Configuration
from faultlayer.settings.draft import MAX_SIZE
from faultlayer.settings.variables import read_environment
from faultlayer.values import suggestion
from faultlayer.values.kinds import Instant, Kind
from faultlayer.vocabulary.registry import GLOBALS, PREFIX, Option

if TYPE_CHECKING:
    from faultlayer.settings.draft import Draft

_LEAST = 8  # characters of a value that no message says by accident
_LONGEST = 4000  # characters of a message


@cache
def _options() -> list[Option]:
    known = list(GLOBALS)
    for fault in all_faults():
        known += fault.variables().values()
    return known


@cache
def _vocabulary() -> str:
    """All that messages say of their own accord."""
    words = [f"{option.kind.allowed} {option.name}" for option in _options()]
    for fault in all_faults():
        words += [fault.name, *fault.variables(), *(peer.name for peer in fault.equivalents)]
        words += [
            f"{name} {said}" for peer in fault.equivalents for name, said in peer.options.items()
        ]
    return " ".join(words).lower()


@contextmanager
def without_hints() -> Iterator[None]:
    """Names are compared in tests/unit/test_nearest.py: here that would take most of the time."""
    hint = suggestion.hint
    suggestion.hint = lambda name, known: ""
    try:
        yield
    finally:
        suggestion.hint = hint


def _plainly(value: Any) -> Any:
    return value.show() if isinstance(value, Match) else value


def _round_trip(kind: Kind, value: Any) -> None:
    said = kind.show(value)
    assert _plainly(kind.parse(said)) == _plainly(value), "reads as something else than it says"


def _drafts(drafts: list[Draft]) -> None:
    for fault, given in drafts:
        for option in fault.variables().values() if given is not None else ():
            assert given is not None
            if given[option.name] is not None:
                _round_trip(option.kind, given[option.name])


def _said(message: str) -> None:
    assert message
    assert len(message) < _LONGEST
    assert "\n" not in message


def variables(data: bytes) -> None:
    """Lines of NAME=VALUE: no error, no value in a message, and the same each time."""
    environ = {}
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        name, equals, value = line.partition("=")
        if equals and "\0" not in line:
            foreign = name.startswith(("CHAOS_EXTENSION__", "FAILURE_LAMBDA_"))
            environ[name if foreign else PREFIX + name] = value
    with without_hints():
        found = read_environment(environ, files=False)
        again = read_environment(environ, files=False)
    said = [(problem.variable, problem.message) for problem in found.problems]
    assert said == [(problem.variable, problem.message) for problem in again.problems]
    assert (found.chooser is None) == (again.chooser is None)
    assert not (found.stopped and found.chooser)
    values = [
        value
        for name, value in environ.items()
        if name != PLAN and len(value) >= _LEAST and value.lower() not in _vocabulary()
    ]
    for variable, message in said:
        _said(message)
        assert variable in environ
        if variable != PLAN:
            assert not any(value in message and value not in variable for value in values)
    _drafts(found.drafts)
    for rule in found.chooser.rules if found.chooser else ():
        assert 0 < rule.rate <= 1


def plans(data: bytes) -> None:
    """A plan: no error, problems that name their fields, and rules that say what they do."""
    with without_hints():
        _plan(data)


def _plan(data: bytes) -> None:
    found = plan.read(data)
    said = [problem.said() for problem in found.problems]
    for message in said:
        _said(message)
    assert not found.stopped or said
    assert Configuration().chooser_for(found) is None or not found.stopped
    _drafts(found.drafts)
    try:
        text = decoded(data)
    except ValueError:
        assert found.stopped
        return
    assert [problem.said() for problem in plan.read(text).problems] == said
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        assert found.stopped
        return
    if isinstance(value, dict) and not any("more than once" in message for message in said):
        again = plan.read(json.dumps(value))
        if len(json.dumps(value)) <= MAX_SIZE and len(data) <= MAX_SIZE:
            assert [problem.said() for problem in again.problems] == said


def values(data: bytes) -> None:
    """One value of a kind that the first byte chooses: refused in words, or as it says."""
    if not data:
        return
    option = _options()[data[0] % len(_options())]
    text = data[1:].decode("utf-8", "surrogateescape")
    try:
        value = option.kind.parse(text)
    except ValueError as error:
        _said(str(error))
        return
    _round_trip(option.kind, value)
    if isinstance(option.kind, Instant):
        theirs = _instant(text.strip())
        assert theirs is None or abs(theirs - value) < 0.001


def _instant(text: str) -> float | None:
    """What the library makes of it, where it can."""
    try:
        return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None
