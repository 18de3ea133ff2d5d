"""Conditions on an event: a path into it, and operators on the value there.

A condition is judged in bounded time, whatever the event holds. An event that cannot be read
matches nothing. Conditions on the head are judged first: then the event need not be read.
"""

from __future__ import annotations

from faultlayer.events.paths import MISSING, look, parts_of, split, unescaped
from faultlayer.jsontext import Repeated, dumps, is_number, json_value, loads_careful, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    Test = Callable[[Any], bool]

    class Invocation(Protocol):
        """The parts of an invocation that conditions look at."""

        @property
        def function_arn(self) -> str: ...

        def readable(self) -> bool: ...

        def event(self) -> Any: ...


LONGEST_TEXT = 4096  # characters: a regular expression finds nothing in a longer text
_MOST = 64  # conditions, and values of one `in`
_OPERATORS = ("equals", "prefix", "regex", "exists", "in")
_AS, _TEXT = "as", "text"  # beside operators: how other tools compare
ARN, QUALIFIER = ("invoked_function_arn",), ("qualifier",)


def same(found: Any, expected: Any) -> bool:
    """True if two scalars are the same JSON value: 5 is 5.0, but neither "5" nor true."""
    if is_number(found):
        return is_number(expected) and bool(found == expected)
    return type(found) is type(expected) and found == expected


class Condition:
    """One path, and the operators that must hold of the value there.

    `written` is the path as it was given, `expected` the operators with their operands.
    """

    __slots__ = ("_as_text", "_tests", "expected", "of_head", "path", "written")

    def __init__(self, written: str, path: tuple[str, ...], expected: dict[str, Any]) -> None:
        self.written = written
        self.path = path
        self.expected = expected
        self.of_head = path in (ARN, QUALIFIER)
        self._as_text = _AS in expected
        self._tests = [_test(name, operand) for name, operand in expected.items() if name != _AS]

    def find(self, invocation: Invocation) -> Any:
        """The value at the path; MISSING if there is none."""
        if not self.of_head:
            return look(invocation.event(), self.path)
        arn = invocation.function_arn
        if self.path == ARN:
            return arn or MISSING
        return arn.split(":", 7)[7] if arn.count(":") > 6 else MISSING

    def holds(self, found: Any) -> bool:
        """True if all operators hold of this value."""
        if self._as_text:
            found = _as_text(found)
        for test in self._tests:  # a generator in all() costs 0.3 us at each event
            if not test(found):
                return False
        return True


class Match:
    """Conditions, all of which must hold."""

    __slots__ = ("_of_event", "_of_head", "conditions")

    def __init__(self, conditions: list[Condition]) -> None:
        self.conditions = conditions
        self._of_head = [condition for condition in conditions if condition.of_head]
        self._of_event = [condition for condition in conditions if not condition.of_head]

    def holds(self, invocation: Invocation) -> bool:
        """True if all conditions hold of this invocation."""
        for condition in self._of_head:
            if not condition.holds(condition.find(invocation)):
                return False
        if self._of_event and not invocation.readable():
            return False
        for condition in self._of_event:
            if not condition.holds(condition.find(invocation)):
                return False
        return True

    def show(self) -> str:
        """The JSON object that reads as exactly this."""
        return dumps({condition.written: condition.expected for condition in self.conditions})


# -- operators --------------------------------------------------------------------------------


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool)) or is_number(value)


def _as_text(value: Any) -> Any:
    """Numbers and booleans as JSON spells them, null as nothing; the rest as it is."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return dumps(value)
    if is_number(value):
        return str(value) if isinstance(value, int) else plain(value)
    return value


def _test(name: str, operand: Any) -> Test:
    """The function that judges a value; raises ValueError if the operand is wrong."""
    if name == "equals":
        if not _is_scalar(operand):
            raise ValueError("equals is not text, a number, true, false or null")
        return lambda found: same(found, operand)
    if name == "in":
        if operand == []:
            raise ValueError("in is an empty list, in which no value is")
        if not isinstance(operand, list) or not all(map(_is_scalar, operand)):
            raise ValueError("in is not a list of texts, numbers, true, false or null")
        if len(operand) > _MOST:
            raise ValueError(f"in is a list of more than {_MOST} values")
        return lambda found: any(same(found, value) for value in operand)
    if name == "exists":
        if not isinstance(operand, bool):
            raise ValueError("exists is neither true nor false")
        return lambda found: (found is not MISSING) == operand
    if not isinstance(operand, str) or not operand or len(operand) > LONGEST_TEXT:
        raise ValueError(f"{name} is not a text of 1 to {LONGEST_TEXT} characters")
    if name == "prefix":
        return lambda found: isinstance(found, str) and found.startswith(operand)
    return _regex(operand)


def _regex(pattern: str) -> Test:
    from faultlayer.events.regex import compile

    try:
        search = compile(pattern).search
    except ValueError as error:
        raise ValueError(f"regex {error}") from None
    return lambda found: isinstance(found, str) and len(found) <= LONGEST_TEXT and search(found)


# -- the forms that users write ---------------------------------------------------------------


def parse(value: Any) -> Match:
    """The match that a variable's text or a plan's object describes; raises ValueError."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        pairs = _pairs(value)
    else:
        value = json_value(value)
        if not isinstance(value, dict) or not value:
            raise ValueError("is not a JSON object with at least one member")
        if isinstance(value, Repeated):
            raise ValueError("names a path more than once")
        pairs = list(value.items())
    if len(pairs) > _MOST:
        raise ValueError(f"has more than {_MOST} conditions")
    conditions = []
    for number, (path, expected) in enumerate(pairs, 1):
        try:
            conditions.append(Condition(path, parts_of(path), _expected(expected)))
        except ValueError as error:
            raise ValueError(f"is wrong in condition {number}: {error}") from None
    if len({condition.path for condition in conditions}) < len(conditions):
        raise ValueError("names a path more than once")
    return Match(conditions)


def _expected(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        if isinstance(value, list):
            raise ValueError("is a list, which no single value equals (use in)")
        return {"equals": value}
    if not set(_OPERATORS) >= set(value) - {_AS} > set():
        raise ValueError("has an operator that is none of " + ", ".join(_OPERATORS))
    if value.get(_AS, _TEXT) != _TEXT:
        raise ValueError("as is not text")
    if isinstance(value, Repeated):
        raise ValueError("has an operator that is given more than once")
    return value


def _pairs(text: str) -> list[tuple[str, Any]]:
    """The paths of `path=value,path`, each with its condition."""
    if not text.strip():
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError("has a control character (the JSON form can say it)")
    pairs: list[tuple[str, Any]] = []
    for part in split(text, ","):
        path, *value = split(part, "=", 1)
        expected = _either(unescaped(value[0].strip())) if value else {"exists": True}
        pairs.append((path.strip(), expected))
    return pairs


def _either(text: str) -> Any:
    """The values that equal a variable's text: the text, and the number or word it spells."""
    try:
        value = loads_careful(text)  # most texts are no JSON: nobody needs to know why
    except (ValueError, RecursionError):
        return text
    if isinstance(value, (str, list, dict)) or not _is_scalar(value):
        return text
    return {"in": [text, value]}
