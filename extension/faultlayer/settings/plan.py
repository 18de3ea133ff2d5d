"""Read a plan: the same as the variables in JSON, with several rules of one fault if needed.

    text ── JSON ──┬── an object with `faults` ──> rules, settings ──┬──> Plan
                   └── feature flags ── a rule for each flag ────────┘

- A mistake in one rule leaves the others in force. A mistake in a setting that limits all rules
  leaves none in force.
- Each problem names its field and repeats no value.
- The size, depth and number of rules of a plan are bounded.
"""

from __future__ import annotations

from faultlayer.faults import find_fault
from faultlayer.jsontext import Repeated, decoded, loads_or_why, sendable, unmarked
from faultlayer.settings.draft import MAX_RULES, MAX_SIZE, Plan, Reading, Settings
from faultlayer.settings.rule_reader import KEY, meant, named, parsed, read_rule, repeated_fields
from faultlayer.vocabulary.registry import GLOBALS, NO_EVENT, PLANNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_FAULTS = "faults"
_SCHEMA = "$schema"  # for editors
_FIELDS = {option.name.lower(): option for option in GLOBALS if option.name in PLANNED}
_HARMLESS = frozenset(("observe",))  # fields that limit no rule
_ENABLED = "enabled"
_OLD = "failureMode"
_WHOLE = "faultlayer"  # the flag for the settings that hold for all rules


def read(given: str | bytes | dict[str, Any]) -> Plan:
    """The plan in this JSON text, or in this object if the JSON was parsed already."""
    reading = Reading()
    try:
        value = given if isinstance(given, dict) else _parsed(given)
        if not isinstance(value, dict):
            raise ValueError("is not a JSON object")
        _read(reading, value)
    except RecursionError:
        reading.refuse("", "is nested too deeply")
    except ValueError as error:
        reading.refuse("", f"{error}; allowed: a JSON object of {_allowed()}")
    return Plan(reading)


def _allowed() -> str:
    return ", ".join((_FAULTS, *_FIELDS))


def _parsed(given: str | bytes) -> Any:
    if len(given) > MAX_SIZE:
        raise ValueError(f"is longer than {MAX_SIZE >> 10} KB")
    return loads_or_why(decoded(given) if isinstance(given, bytes) else sendable(unmarked(given)))


def _read(reading: Reading, value: dict[str, Any]) -> None:
    if isinstance(value, Repeated):
        reading.refuse(named("", value.name), "is given more than once")
    if _are_flags(value):
        _read_flags(reading, value)
        value = {}
    elif _OLD in value and _FAULTS not in value:
        said = "is of failure-lambda before 1.0; allowed: its flags as of 1.0, or a plan"
        reading.refuse(_OLD, said)
        return
    for name, inner in value.items():
        if name == _FAULTS:
            _read_rules(reading, inner)
        elif name in _FIELDS:
            _read_common(reading, name, inner)
        elif name != _SCHEMA:
            known = meant(name, _FAULTS, *_FIELDS)
            reading.refuse(named("", name), f"is not a field of a plan{known}")
    if "MATCH" in reading.given:
        _leave_starts_out(reading)
    if Settings(reading.given).ends_before_start:
        reading.refuse("end", "is not after start; allowed: a time after start")


def _leave_starts_out(reading: Reading) -> None:
    """Refuse faults of the start beside a match for all rules: a start has no event to match."""
    for place, (fault, values) in enumerate(reading.drafts):
        if fault.begin is not None and values is not None:
            message = f"has no effect beside match: {NO_EVENT}; allowed: matches of other rules"
            reading.refuse(fault.name, message, limiting=False)
            reading.drafts[place] = (fault, None)


def _read_common(reading: Reading, name: str, value: Any) -> None:
    for field in repeated_fields(name, value):
        reading.refuse(field, "is given more than once")
        return
    try:
        reading.given[name.upper()] = parsed(_FIELDS[name].kind, value)
    except ValueError as error:
        reading.refuse(name, str(error), limiting=name not in _HARMLESS)


def _read_rules(reading: Reading, value: Any) -> None:
    if not isinstance(value, list):
        reading.refuse(_FAULTS, "is not a list; allowed: a list of objects, one for each rule")
    elif len(value) > MAX_RULES:
        reading.refuse(_FAULTS, f"has more than {MAX_RULES} rules; allowed: at most {MAX_RULES}")
    else:
        for index, rule in enumerate(value):
            read_rule(reading, f"{_FAULTS}[{index}]", rule)


# -- feature flags ----------------------------------------------------------------------------


def _are_flags(value: dict[str, Any]) -> bool:
    """True if this is an AppConfig profile of feature flags, as its agent returns it."""
    return bool(value) and all(
        isinstance(flag, dict) and _ENABLED in flag and name != _FAULTS and name not in _FIELDS
        for name, flag in value.items()
    )


def _read_flags(reading: Reading, flags: dict[str, Any]) -> None:
    """Read each flag that is on as a rule. `fault`, or else its name, is the rule's fault."""
    if len(flags) > MAX_RULES:
        reading.refuse("", f"has more than {MAX_RULES} flags; allowed: at most {MAX_RULES}")
        return
    for name, flag in flags.items():
        field, whole = named("", name), name == _WHOLE
        wrong = [(repeated, "is given more than once") for repeated in repeated_fields(field, flag)]
        if not isinstance(flag[_ENABLED], bool):
            wrong.append((f"{field}.{_ENABLED}", "is neither true nor false"))
        for where, message in wrong:
            reading.refuse(where, message, limiting=whole)
        if wrong:
            continue
        # Attributes with an underscore are the agent's own: they name the variant of the flag.
        given = {key: of for key, of in flag.items() if key != _ENABLED and key[:1] != "_"}
        if whole:
            _read_whole(reading, given, enabled=flag[_ENABLED])
        elif flag[_ENABLED]:
            _read_flag(reading, field, name, given)


def _read_flag(reading: Reading, field: str, name: str, given: dict[str, Any]) -> None:
    """Read the rule of a flag that is on, in our words or in another tool's."""
    fault = find_fault(name)
    if KEY in given or (fault is not None and fault.main.name in given):
        read_rule(reading, field, {KEY: name, **given})
        return
    from faultlayer.settings.other_tools import read_flag

    read_flag(reading, field, name, given)


def _read_whole(reading: Reading, given: dict[str, Any], *, enabled: bool) -> None:
    """Read the flag for all rules. If it is off, it is the kill switch."""
    for name, inner in given.items():
        if name in _FIELDS:
            _read_common(reading, name, inner)
        else:
            reading.refuse(named(_WHOLE, name), f"is not a field of a plan{meant(name, *_FIELDS)}")
    if not enabled:
        reading.given["DISABLED"] = True
