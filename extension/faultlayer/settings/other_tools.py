"""Read other tools' configurations as rules of a plan. Loaded only if there is one.

    a flag or a variable ── Equivalent of a fault ── options ── rule_reader ──> a rule

- A translated rule goes through the plan's own reader.
- A setting that cannot be translated turns off its own flag, and no other.
- A problem names the flag, attribute or variable as the user wrote it.
- This file names no fault: each fault's own file lists its equivalents.

https://github.com/gunnargrosch/failure-lambda (1.x: README, Configuration)
https://github.com/aws-cli-tools/chaos-lambda-extension (README, Configuration)
"""

from __future__ import annotations

from faultlayer.faults import all_faults, find_fault
from faultlayer.settings.draft import Reading
from faultlayer.settings.rule_reader import KEY, named, read_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from faultlayer.vocabulary.registry import Equivalent, Fault

CHAOS = "CHAOS_EXTENSION__"
KILL_SWITCH = "FAILURE_LAMBDA_DISABLED"
_MATCH = "match"
_SHARES = {"percentage": "a percentage from 0 to 100"}
_PROBABILITY = "a probability from 0 to 1"
_CONDITIONS = (
    "a list of objects of path, operator (eq, startsWith, regex, exists; eq if there is none) and "
    "value, which is text"
)
_ALLOWED = "; allowed: "
_MOST_HINTS = 20  # in one plan: each costs a search for the nearest name


def _equivalents() -> dict[str, tuple[Fault, Equivalent]]:
    """Each fault's equivalents, by the name of the flag or variable that switches one on."""
    return {
        equivalent.name: (fault, equivalent)
        for fault in all_faults()
        for equivalent in fault.equivalents
    }


class _Translation:
    """A rule on its way into a plan, and the names of its fields in the other tool."""

    def __init__(self, fault: Fault, equivalent: Equivalent, field: str, stem: str) -> None:
        self.fault = fault
        self.equivalent = equivalent
        self.field = field
        self.stem = stem  # the prefix of its options' names in the other tool
        self.names: dict[str, list[str]] = {}
        self.allowed: dict[str, str] = {}

    def note(self, option: str, name: str, allowed: str) -> None:
        """Note that our option comes from this one of the other tool."""
        self.names.setdefault(option, []).append(name)
        self.allowed[option] = allowed

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Our options, made of the other tool's."""
        known = {name: _whole(given[name]) for name in self.equivalent.options if name in given}
        for name in known:
            option, allowed = self.equivalent.options[name]
            self.note(option, name, allowed)
        return self.equivalent.rule(known)

    def _note_missing(self, option: str) -> None:
        """Note the other tool's missing options that set this option of ours."""
        for name, (made, allowed) in self.equivalent.options.items():
            if made == option:
                self.note(option, name, allowed)

    def add(self, reading: Reading, options: dict[str, Any]) -> None:
        """Read the rule, and name its problems by the other tool's names."""
        before = len(reading.problems)
        read_rule(reading, self.field, {KEY: self.fault.name, **options})
        for problem in reading.problems[before:]:
            option = problem.field[len(self.field) + 1 :].partition(".")[0]
            if option not in self.names:
                self._note_missing(option)
            if option in self.names:
                problem.field = self.stem + "/".join(self.names[option])
                wrong = problem.message.partition(_ALLOWED)[0]
                problem.message = wrong + _ALLOWED + self.allowed[option]
            else:  # it was made of other options, and their own problem says more
                problem.field = self.field


def _whole(value: Any) -> Any:
    """The value; a float as an integer if it is whole: in JSON 404.0 is 404."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# -- failure-lambda's flags -------------------------------------------------------------------


def read_flag(reading: Reading, field: str, name: str, given: Mapping[str, Any]) -> None:
    """Add the rule of a flag that is on, or refuse it if failure-lambda has no such flag."""
    equivalents = _equivalents()
    if name not in equivalents or name.startswith(CHAOS):
        if find_fault(name) is not None:
            read_rule(reading, field, {KEY: name, **given})
        else:
            _refuse_flag(reading, field, name, equivalents)
        return
    fault, equivalent = equivalents[name]
    translation = _Translation(fault, equivalent, field, field + ".")
    options = translation.options(given)
    if equivalent.share in given:
        options["rate"] = f"{_whole(given[equivalent.share])}%"
        translation.note("rate", equivalent.share, _SHARES[equivalent.share])
    try:
        conditions = _conditions(given.get(_MATCH, []))
    except ValueError as error:
        reading.refuse(f"{field}.{_MATCH}", f"{error}{_ALLOWED}{_CONDITIONS}", limiting=False)
        return
    if conditions:
        options[_MATCH] = conditions
        translation.note(_MATCH, _MATCH, _CONDITIONS)
    translation.add(reading, options)
    allowed = [*equivalent.options, equivalent.share, _MATCH]
    for other in given:
        if other not in allowed:
            message = f"has no effect here, nor in that tool{_ALLOWED}{', '.join(allowed)}"
            reading.refuse(named(field, other), message, limiting=False)


def _refuse_flag(reading: Reading, field: str, name: str, equivalents: Mapping[str, Any]) -> None:
    from faultlayer.values.suggestion import hint

    known = sorted(equivalent for equivalent in equivalents if not equivalent.startswith(CHAOS))
    meant = hint(name, known) if len(reading.problems) < _MOST_HINTS else ""
    message = f"is a flag for which this version has no fault{meant}"
    reading.refuse(field, message + _ALLOWED + ", ".join(known), limiting=False)


def _conditions(conditions: Any) -> dict[str, dict[str, Any]]:
    """Our match, made of a list of conditions that must all hold."""
    if not isinstance(conditions, list):
        raise ValueError("is not a list")
    found: dict[str, dict[str, Any]] = {}
    for number, condition in enumerate(conditions, 1):
        try:
            path, operator, operand = _condition(condition)
            expected = found.setdefault(path, {"as": "text"})
            if expected.setdefault(operator, operand) != operand:
                raise ValueError("compares the same path as another one, with another value")
        except ValueError as error:
            raise ValueError(f"is wrong in condition {number}: it {error}") from None
    return found


def _condition(condition: Any) -> tuple[str, str, Any]:
    """A condition's path, operator and operand, in our words."""
    if not isinstance(condition, dict):
        raise ValueError("is not an object")
    path, value = condition.get("path"), condition.get("value")
    operator = condition.get("operator", "eq")
    if not isinstance(path, str) or not path:
        raise ValueError("has no path")
    path = path.replace("\\", "\\\\")  # in failure-lambda it is a character like others
    if operator == "exists":
        return path, "exists", True
    if operator not in ("eq", "startsWith", "regex"):
        raise ValueError("has an operator that is not known")
    if not isinstance(value, str):
        raise ValueError("has a value that is not text")
    if operator == "eq":
        return path, "equals", value
    if not value:  # every text contains the empty text
        return path, "exists", True
    return path, "prefix" if operator == "startsWith" else "regex", value


# -- the chaos-lambda-extension's variables ---------------------------------------------------


def read_variables(given: Mapping[str, str]) -> Reading:
    """Read the rules of these variables, and failure-lambda's kill switch."""
    reading = Reading()
    if given.get(KILL_SWITCH, "").strip().lower() == "true":
        reading.given["DISABLED"] = True
    equivalents = {name: both for name, both in _equivalents().items() if name.startswith(CHAOS)}
    known = [
        name
        for _, equivalent in equivalents.values()
        for name in (equivalent.name, *equivalent.options, equivalent.share)
    ]
    for variable in sorted(given):
        if variable.startswith(CHAOS) and variable not in known:
            _refuse_variable(reading, variable, known)
    for fault, equivalent in equivalents.values():
        switch = given.get(equivalent.name, "").strip().lower()
        if switch == "true":
            _read_switched(reading, _Translation(fault, equivalent, equivalent.name, ""), given)
        elif switch not in ("", "false"):
            message = "is neither true nor false; allowed: true or false"
            reading.refuse(equivalent.name, message, limiting=False)
    return reading


def _refuse_variable(reading: Reading, variable: str, known: list[str]) -> None:
    from faultlayer.values.suggestion import hint

    meant = hint(variable, known) if len(reading.problems) < _MOST_HINTS else ""
    message = f"is not a variable that faultlayer reads{meant}"
    reading.refuse(variable, message + _ALLOWED + ", ".join(known), limiting=False)


def _read_switched(reading: Reading, translation: _Translation, given: Mapping[str, str]) -> None:
    equivalent = translation.equivalent
    options = translation.options(given)
    options["rate"] = _number(given.get(equivalent.share, equivalent.usual))
    translation.note("rate", equivalent.share, _PROBABILITY)
    translation.add(reading, options)


def _number(value: Any) -> Any:
    """The number in a text, with or without an exponent: Python prints small ones with one."""
    try:
        return float(value)
    except ValueError:
        return value
