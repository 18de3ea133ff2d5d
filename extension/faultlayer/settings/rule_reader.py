"""Read one rule of a plan from its JSON object."""

from __future__ import annotations

from faultlayer.faults import fault_names, find_fault
from faultlayer.jsontext import Repeated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from faultlayer.settings.draft import Reading
    from faultlayer.values.kinds import Kind
    from faultlayer.vocabulary.registry import Fault

_DEEPEST = 64
_LONGEST_NAME = 64  # of a field, within a message
KEY = "fault"


def meant(name: str, *known: str) -> str:
    from faultlayer.values.suggestion import hint

    return f"{hint(name, known)}; allowed: {', '.join(known)}"


def named(field: str, name: str) -> str:
    """The path of a field within another. A name that is no plain word is not repeated."""
    plain = name.isascii() and name.isprintable() and " " not in name
    if not (plain and 0 < len(name) <= _LONGEST_NAME):
        name = "(a member)"
    return f"{field}.{name}" if field else name


def repeated_fields(field: str, value: Any, depth: int = 0) -> Iterator[str]:
    """The fields that are given more than once. Raises RecursionError if nested too deeply."""
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, Repeated):
        yield named(field, value.name)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from repeated_fields(named(field, name), inner, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from repeated_fields(f"{field}[{index}]", inner, depth + 1)


def parsed(kind: Kind, value: Any) -> Any:
    try:
        return kind.parse(value)
    except ValueError as error:
        raise ValueError(f"{error}; allowed: {kind.allowed}") from None


def read_rule(reading: Reading, field: str, rule: Any) -> None:
    """Add the rule that this object describes, or its problems, to the reading."""
    if not isinstance(rule, dict):
        message = f"is not an object; allowed: an object of {KEY} and that fault's options"
        reading.refuse(field, message, limiting=False)
        return
    name = rule.get(KEY)
    fault = find_fault(name) if isinstance(name, str) else None
    if fault is None:
        what = "is not a fault" if KEY in rule else "is missing"
        hint = meant(name, *fault_names()) if isinstance(name, str) else meant("", *fault_names())
        reading.refuse(f"{field}.{KEY}", what + hint, limiting=False)
        return
    wrong = len(reading.problems)
    for repeated in repeated_fields(field, rule):
        reading.refuse(repeated, "is given more than once", limiting=False)
    values = _options(reading, field, fault, rule)
    reading.drafts.append((fault, values if len(reading.problems) == wrong else None))


def _options(reading: Reading, field: str, fault: Fault, rule: dict[str, Any]) -> dict[str, Any]:
    """The values of the fault's options. Mistakes become problems of the reading."""
    known = {option.name: option for option in fault.variables().values()}
    values: dict[str, Any] = {name: option.default for name, option in known.items()}
    for name, given in rule.items():
        if name == KEY:
            continue
        where = named(field, name)
        if name not in known:
            message = f"is not a field of this fault{fault.lacks(name) or meant(name, *known)}"
            reading.refuse(where, message, limiting=False)
            continue
        try:
            values[name] = parsed(known[name].kind, given)
        except ValueError as error:
            reading.refuse(where, str(error), limiting=False)
    main = fault.main.name
    if main not in rule:
        allowed = fault.main.kind.allowed
        reading.refuse(f"{field}.{main}", f"is missing; allowed: {allowed}", limiting=False)
    return values
