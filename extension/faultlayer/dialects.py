"""What other tools' configurations say, as rules of our plan; loaded only where there is one.

It promises that a translated rule goes through the plan's own reader, that what cannot be said here
turns off the flag that says it and no other, and that a problem names the flag, attribute or
variable as it was written. It knows no fault: what each stands in for is in the fault's own file.
https://github.com/gunnargrosch/failure-lambda (1.x: README, Configuration)
https://github.com/aws-cli-tools/chaos-lambda-extension (README, Configuration)
"""

from __future__ import annotations

from faultlayer import plan as plans
from faultlayer.plan import Plan
from faultlayer.registry import all_faults, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from faultlayer.registry import Fault, Peer

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
_MOST_HINTS = 20  # nearest names that are looked for in one plan


def _peers() -> dict[str, tuple[Fault, Peer]]:
    """What the faults of this version stand in for, by what switches it on."""
    return {peer.name: (fault, peer) for fault in all_faults() for peer in fault.peers}


class _Translation:
    """A rule on its way into a plan, and what its fields are called where it comes from."""

    def __init__(self, fault: Fault, peer: Peer, field: str, stem: str) -> None:
        self.fault = fault
        self.peer = peer
        self.field = field
        self.stem = stem  # what stands before the names of its options there
        self.names: dict[str, list[str]] = {}
        self.allowed: dict[str, str] = {}

    def note(self, option: str, name: str, allowed: str) -> None:
        """Our option is what that one there says."""
        self.names.setdefault(option, []).append(name)
        self.allowed[option] = allowed

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Our options, of those that are given there."""
        known = {name: _whole(given[name]) for name in self.peer.options if name in given}
        for name in known:
            option, allowed = self.peer.options[name]
            self.note(option, name, allowed)
        return self.peer.rule(known)

    def add(self, plan: Plan, options: dict[str, Any]) -> None:
        """Read the rule, and call what is wrong with it by the names there."""
        before = len(plan.problems)
        plans.read_rule(plan, self.field, {plans.KEY: self.fault.name, **options})
        for problem in plan.problems[before:]:
            option = problem.field[len(self.field) + 1 :].partition(".")[0]
            if option in self.names:
                problem.field = self.stem + "/".join(self.names[option])
                wrong = problem.message.partition(_ALLOWED)[0]
                problem.message = wrong + _ALLOWED + self.allowed[option]
            else:  # it was made of others, whose own problem says more
                problem.field = self.field


def _whole(value: Any) -> Any:
    """The value, a whole number as such: in JSON 404.0 is 404."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# -- failure-lambda's flags -------------------------------------------------------------------


def read_flag(plan: Plan, field: str, name: str, given: Mapping[str, Any]) -> None:
    """Add the rule of a flag that is on, where it is one of failure-lambda's; else refuse it."""
    peers = _peers()
    if name not in peers or name.startswith(CHAOS):
        if find(name) is not None:
            plans.read_rule(plan, field, {plans.KEY: name, **given})
        else:
            _refuse_flag(plan, field, name, peers)
        return
    fault, peer = peers[name]
    translation = _Translation(fault, peer, field, field + ".")
    options = translation.options(given)
    if peer.share in given:
        options["rate"] = f"{_whole(given[peer.share])}%"
        translation.note("rate", peer.share, _SHARES[peer.share])
    try:
        conditions = _conditions(given.get(_MATCH, []))
    except ValueError as error:
        plan.refuse(f"{field}.{_MATCH}", f"{error}{_ALLOWED}{_CONDITIONS}", limiting=False)
        return
    if conditions:
        options[_MATCH] = conditions
        translation.note(_MATCH, _MATCH, _CONDITIONS)
    translation.add(plan, options)
    allowed = [*peer.options, peer.share, _MATCH]
    for other in given:
        if other not in allowed:
            message = f"has no effect, there and here{_ALLOWED}{', '.join(allowed)}"
            plan.refuse(plans.named(field, other), message, limiting=False)


def _refuse_flag(plan: Plan, field: str, name: str, peers: Mapping[str, Any]) -> None:
    from faultlayer.nearest import hint

    known = sorted(peer for peer in peers if not peer.startswith(CHAOS))
    meant = hint(name, known) if len(plan.problems) < _MOST_HINTS else ""
    message = f"is a flag that no fault of this version stands in for{meant}"
    plan.refuse(field, message + _ALLOWED + ", ".join(known), limiting=False)


def _conditions(conditions: Any) -> dict[str, dict[str, Any]]:
    """Our match, of a list of conditions all of which must hold."""
    if not isinstance(conditions, list):
        raise ValueError("is not a list")
    found: dict[str, dict[str, Any]] = {}
    for number, condition in enumerate(conditions, 1):
        try:
            path, operator, operand = _condition(condition)
            expected = found.setdefault(path, {"as": "text"})
            if expected.setdefault(operator, operand) != operand:
                raise ValueError("asks the same of a path as another, with another value")
        except ValueError as error:
            raise ValueError(f"is wrong in condition {number}: it {error}") from None
    return found


def _condition(condition: Any) -> tuple[str, str, Any]:
    """Path, operator and operand as ours."""
    if not isinstance(condition, dict):
        raise ValueError("is not an object")
    path, value = condition.get("path"), condition.get("value")
    operator = condition.get("operator", "eq")
    if not isinstance(path, str) or not path:
        raise ValueError("has no path")
    path = path.replace("\\", "\\\\")  # there it is a character like others
    if operator == "exists":
        return path, "exists", True
    if operator not in ("eq", "startsWith", "regex"):
        raise ValueError("has an operator of no such name")
    if not isinstance(value, str):
        raise ValueError("has a value that is not text")
    if operator == "eq":
        return path, "equals", value
    if not value:  # in every text
        return path, "exists", True
    return path, "prefix" if operator == "startsWith" else "regex", value


# -- the chaos-lambda-extension's variables ---------------------------------------------------


def read_variables(given: Mapping[str, str]) -> Plan:
    """The rules that these variables say, and whether failure-lambda's own stops all."""
    plan = Plan()
    if given.get(KILL_SWITCH, "").strip().lower() == "true":
        plan.values["DISABLED"] = True
    peers = {name: both for name, both in _peers().items() if name.startswith(CHAOS)}
    known = [name for _, peer in peers.values() for name in (peer.name, *peer.options, peer.share)]
    for variable in sorted(given):
        if variable.startswith(CHAOS) and variable not in known:
            _refuse_variable(plan, variable, known)
    for fault, peer in peers.values():
        switch = given.get(peer.name, "").strip().lower()
        if switch == "true":
            _read_switched(plan, _Translation(fault, peer, peer.name, ""), given)
        elif switch not in ("", "false"):
            message = "is neither true nor false; allowed: true or false"
            plan.refuse(peer.name, message, limiting=False)
    return plan


def _refuse_variable(plan: Plan, variable: str, known: list[str]) -> None:
    from faultlayer.nearest import hint

    meant = hint(variable, known) if len(plan.problems) < _MOST_HINTS else ""
    message = f"is not a variable that stands for anything here{meant}"
    plan.refuse(variable, message + _ALLOWED + ", ".join(known), limiting=False)


def _read_switched(plan: Plan, translation: _Translation, given: Mapping[str, str]) -> None:
    peer = translation.peer
    options = translation.options(given)
    options["rate"] = _number(given.get(peer.share, peer.usual))
    translation.note("rate", peer.share, _PROBABILITY)
    translation.add(plan, options)


def _number(value: Any) -> Any:
    """The number that a text spells, exponents too: Python prints small ones so."""
    try:
        return float(value)
    except ValueError:
        return value
