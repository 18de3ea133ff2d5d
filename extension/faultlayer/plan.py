"""The plan: the same as the variables in JSON, with several rules of one fault where needed.

It promises that a mistake in one rule leaves the others working, that a mistake in what limits all
of them leaves none, and that each problem names its field and repeats no value. What it reads is
bounded in size, depth and number of rules.
"""

from __future__ import annotations

from faultlayer.config import ends_before_start
from faultlayer.jsontext import Repeated, loads_careful
from faultlayer.registry import GLOBALS, NO_EVENT, PLANNED, Fault, find, names
from faultlayer.values import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from faultlayer.config import Draft

MAX_SIZE = 256 << 10  # bytes
MAX_RULES = 256
_DEEPEST = 64
_LONGEST_NAME = 64  # of a field, within a message
_FAULTS = "faults"
_SCHEMA = "$schema"  # for editors
KEY = "fault"
_FIELDS = {option.name.lower(): option for option in GLOBALS if option.name in PLANNED}
_ENABLED = "enabled"
_OLD = "failureMode"
_WHOLE = "faultlayer"  # the flag that says what a plan says beside its rules


class Problem:
    """What is wrong with one field of a plan, of all of it where `field` is empty."""

    __slots__ = ("field", "limiting", "message")

    def __init__(self, field: str, message: str, *, limiting: bool) -> None:
        self.field = field
        self.message = message
        self.limiting = limiting

    def said(self) -> str:
        """The message with its field and its effect."""
        message = f"{self.field} {self.message}" if self.field else self.message
        return message + "; nothing is injected" if self.limiting else message


class Plan:
    """A plan as read.

    `values`: what holds for all rules, by the names of the variables. `drafts`: each fault with its
    options, None where one of them is wrong. `stopped`: by a mistake in what limits all rules.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.problems: list[Problem] = []
        self.stopped = False

    def refuse(self, field: str, message: str, *, limiting: bool = True) -> None:
        self.problems.append(Problem(field, message, limiting=limiting))
        self.stopped = self.stopped or limiting


def read(given: str | bytes | dict[str, Any]) -> Plan:
    """The plan that this JSON, or what was read of it, describes."""
    plan = Plan()
    try:
        value = given if isinstance(given, dict) else _parsed(given)
        if not isinstance(value, dict):
            raise ValueError("is not a JSON object")
        _read(plan, value)
    except RecursionError:
        plan.refuse("", "is nested too deeply")
    except ValueError as error:
        plan.refuse("", f"{error}; allowed: a JSON object of {_allowed()}")
    return plan


def _allowed() -> str:
    return ", ".join((_FAULTS, *_FIELDS))


def _parsed(given: str | bytes) -> Any:
    if len(given) > MAX_SIZE:
        raise ValueError(f"is longer than {MAX_SIZE >> 10} KB")
    try:
        text = given.decode() if isinstance(given, bytes) else given
        text.encode()
    except UnicodeError:
        raise ValueError("is not UTF-8 text") from None
    try:
        return loads_careful(text.removeprefix("\ufeff"))
    except ValueError:
        raise ValueError("is not JSON") from None


def _read(plan: Plan, value: dict[str, Any]) -> None:
    if isinstance(value, Repeated):
        plan.refuse(named("", value.name), "is given more than once")
    if _are_flags(value):
        _read_flags(plan, value)
        value = {}
    elif _OLD in value and _FAULTS not in value:
        said = "is of failure-lambda before 1.0; allowed: its flags as of 1.0, or a plan"
        plan.refuse(_OLD, said)
        return
    for name, inner in value.items():
        if name == _FAULTS:
            _read_rules(plan, inner)
        elif name in _FIELDS:
            _read_common(plan, name, inner)
        elif name != _SCHEMA:
            meant = _meant(name, _FAULTS, *_FIELDS)
            plan.refuse(named("", name), f"is not a field of a plan{meant}")
    if "MATCH" in plan.values:
        _leave_starts_out(plan)
    if ends_before_start(plan.values):
        plan.refuse("end", "is not after start; allowed: a time after start")


def _leave_starts_out(plan: Plan) -> None:
    """A match holds for all rules, and what hits starts has no event to match."""
    for place, (fault, values) in enumerate(plan.drafts):
        if fault.begin is not None and values is not None:
            message = f"has no effect beside match: {NO_EVENT}; allowed: matches of other rules"
            plan.refuse(fault.name, message, limiting=False)
            plan.drafts[place] = (fault, None)


def _meant(name: str, *known: str) -> str:
    from faultlayer.nearest import hint

    return f"{hint(name, known)}; allowed: {', '.join(known)}"


def named(field: str, name: str) -> str:
    """The field of this name within another; a name that no field has is not repeated at length."""
    plain = name.isascii() and name.isprintable() and " " not in name
    if not (plain and 0 < len(name) <= _LONGEST_NAME):
        name = "(a member)"
    return f"{field}.{name}" if field else name


def _repeated(field: str, value: Any, depth: int = 0) -> Iterator[str]:
    """The fields that are given more than once; raises RecursionError below the deepest."""
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, Repeated):
        yield named(field, value.name)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _repeated(named(field, name), inner, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated(f"{field}[{index}]", inner, depth + 1)


def _read_common(plan: Plan, name: str, value: Any) -> None:
    for field in _repeated(name, value):
        plan.refuse(field, "is given more than once")
        return
    try:
        plan.values[name.upper()] = _value(_FIELDS[name].kind, value)
    except ValueError as error:
        plan.refuse(name, str(error))


def _value(kind: Kind, value: Any) -> Any:
    try:
        return kind.parse(value)
    except ValueError as error:
        raise ValueError(f"{error}; allowed: {kind.allowed}") from None


def _read_rules(plan: Plan, value: Any) -> None:
    if not isinstance(value, list):
        plan.refuse(_FAULTS, "is not a list; allowed: a list of objects, one for each rule")
    elif len(value) > MAX_RULES:
        plan.refuse(_FAULTS, f"has more than {MAX_RULES} rules; allowed: at most so many")
    else:
        for index, rule in enumerate(value):
            read_rule(plan, f"{_FAULTS}[{index}]", rule)


def read_rule(plan: Plan, field: str, rule: Any) -> None:
    """Add the rule that this object describes; its problems are told of the field's."""
    if not isinstance(rule, dict):
        message = f"is not an object; allowed: an object of {KEY} and that fault's options"
        plan.refuse(field, message, limiting=False)
        return
    name = rule.get(KEY)
    fault = find(name) if isinstance(name, str) else None
    if fault is None:
        what = "is not a fault" if KEY in rule else "is missing"
        hint = _meant(name, *names()) if isinstance(name, str) else _meant("", *names())
        plan.refuse(f"{field}.{KEY}", what + hint, limiting=False)
        return
    wrong = len(plan.problems)
    for repeated in _repeated(field, rule):
        plan.refuse(repeated, "is given more than once", limiting=False)
    values = _options(plan, field, fault, rule)
    plan.drafts.append((fault, values if len(plan.problems) == wrong else None))


def _options(plan: Plan, field: str, fault: Fault, rule: dict[str, Any]) -> dict[str, Any]:
    """The values of the fault's options; what is wrong with them goes to the plan's problems."""
    known = {option.name: option for option in fault.variables().values()}
    values: dict[str, Any] = {name: option.default for name, option in known.items()}
    for name, given in rule.items():
        if name == KEY:
            continue
        where = named(field, name)
        if name not in known:
            message = f"is not a field of this fault{fault.lacks(name) or _meant(name, *known)}"
            plan.refuse(where, message, limiting=False)
            continue
        try:
            values[name] = _value(known[name].kind, given)
        except ValueError as error:
            plan.refuse(where, str(error), limiting=False)
    main = fault.main.name
    if main not in rule:
        allowed = fault.main.kind.allowed
        plan.refuse(f"{field}.{main}", f"is missing; allowed: {allowed}", limiting=False)
    return values


# -- feature flags ----------------------------------------------------------------------------


def _are_flags(value: dict[str, Any]) -> bool:
    """Whether this is an AppConfig profile of feature flags, as its agent hands it out."""
    return bool(value) and all(
        isinstance(flag, dict) and _ENABLED in flag and name != _FAULTS and name not in _FIELDS
        for name, flag in value.items()
    )


def _read_flags(plan: Plan, flags: dict[str, Any]) -> None:
    """Each flag that is on is a rule: `fault`, or else its name, says of which fault."""
    if len(flags) > MAX_RULES:
        plan.refuse("", f"has more than {MAX_RULES} flags; allowed: at most so many")
        return
    for name, flag in flags.items():
        field, whole = named("", name), name == _WHOLE
        wrong = [(repeated, "is given more than once") for repeated in _repeated(field, flag)]
        if not isinstance(flag[_ENABLED], bool):
            wrong.append((f"{field}.{_ENABLED}", "is neither true nor false"))
        for where, message in wrong:
            plan.refuse(where, message, limiting=whole)
        if wrong:
            continue
        # Those with an underscore are the agent's own: which variant of a flag this is.
        given = {key: of for key, of in flag.items() if key != _ENABLED and key[:1] != "_"}
        if whole:
            _read_whole(plan, given, enabled=flag[_ENABLED])
        elif flag[_ENABLED]:
            _read_flag(plan, field, name, given)


def _read_flag(plan: Plan, field: str, name: str, given: dict[str, Any]) -> None:
    """The rule of a flag that is on: in our words, or in another tool's."""
    fault = find(name)
    if KEY in given or (fault is not None and fault.main.name in given):
        read_rule(plan, field, {KEY: name, **given})
        return
    from faultlayer.dialects import read_flag

    read_flag(plan, field, name, given)


def _read_whole(plan: Plan, given: dict[str, Any], *, enabled: bool) -> None:
    """The flag for all rules: off, it is the kill switch."""
    for name, inner in given.items():
        if name in _FIELDS:
            _read_common(plan, name, inner)
        else:
            plan.refuse(named(_WHOLE, name), f"is not a field of a plan{_meant(name, *_FIELDS)}")
    if not enabled:
        plan.values["DISABLED"] = True
