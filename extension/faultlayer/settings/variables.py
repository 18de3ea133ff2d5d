"""Read the environment variables: rules, settings, a problem per wrong variable.

- A mistake in one fault's variables leaves the others in force.
- A mistake in a variable that limits all faults leaves none in force.
- No message repeats a value.
- An empty variable of ours is unset, whatever it sets: templates pass empty parameters on. Only a
  body may be empty: it is then an empty body.
- A fault whose own variable is there but empty is off, and its options are not reported.
- A byte order mark, and line breaks at the end, are no part of any value. Blanks are.
"""

from __future__ import annotations

from faultlayer.jsontext import unmarked
from faultlayer.settings.configuration import (
    PLAN,
    Configuration,
    FirstPlan,
    Problem,
    plan_problems,
    stopping_problem,
    window_conflict,
)
from faultlayer.settings.draft import Settings
from faultlayer.values.kinds import host_and_port
from faultlayer.vocabulary.registry import GLOBALS, NO_EVENT, PREFIX, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from faultlayer.settings.draft import Draft, Plan
    from faultlayer.settings.sources import Source

_GLOBALS = {option.name: option for option in GLOBALS}
# If one of these is wrong, the limits of all faults are unknown, so nothing is hit.
_LIMITING = frozenset(
    ("DISABLED", "RATE", "MATCH", "START", "END", "DRY_RUN", "SEED", "RUNTIME_API", "PLAN")
)
_FOREIGN = ("CHAOS_EXTENSION__", "FAILURE_LAMBDA_DISABLED")  # those that `other_tools` reads


class _Variables:
    """The variables while they are read: settings by variable, rules, mistakes so far."""

    __slots__ = ("drafts", "given", "problems", "stopped")

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.problems: list[Problem] = []
        self.stopped = False

    def refuse(self, variable: str, message: str) -> None:
        if variable[len(PREFIX) :] in _LIMITING:
            self.stopped = True
            message += "; nothing is injected"
        self.problems.append(Problem(variable, message))


def read_environment(
    environ: Mapping[str, str], *, files: bool = True, limit_file: bytes | None = None
) -> Configuration:
    """The configuration that these environment variables describe.

    `files`: the sources that they name are on this machine, and are read. `limit_file`: the file
    that keeps the counts of limits (None: they begin anew with this process).
    """
    reading = _Variables()
    faults: dict[str, dict[str, str]] = {}
    foreign: dict[str, str] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            if variable.startswith(_FOREIGN):
                foreign[variable] = unmarked(environ[variable])
            continue
        name, text = variable[len(PREFIX) :], unmarked(environ[variable])
        if name in _GLOBALS:
            if text:
                _read_global(reading, _GLOBALS[name], text)
        else:
            faults.setdefault(name.partition("_")[0], {})[variable] = text
    for stem, given in faults.items():
        reading.drafts += _drafts(reading, stem, given)
    if foreign:
        _read_foreign(reading, foreign)
    settings = Settings(reading.given)
    first = None
    if "PLAN" in reading.given:
        first = _read_plan(reading, settings, reading.given["PLAN"], environ, files=files)
    plan = first.plan if first is not None else None
    _check_window(reading, settings, plan)
    _check_starts(reading, settings, plan)
    return Configuration(
        settings,
        reading.drafts,
        first,
        stopped=reading.stopped,
        problems=reading.problems,
        limit_file=limit_file,
    )


def _read_global(reading: _Variables, option: Option, text: str) -> None:
    try:
        value = option.kind.parse(text)
        if option.name == "RUNTIME_API":
            value = host_and_port(value)
    except ValueError as error:
        reading.refuse(PREFIX + option.name, f"{error}; allowed: {option.kind.allowed}")
        return
    reading.given[option.name] = value


def _read_foreign(reading: _Variables, given: dict[str, str]) -> None:
    """Other tools' variables: their rules add to ours, and their kill switch stops all."""
    from faultlayer.settings.other_tools import read_variables

    found = read_variables(given)
    reading.drafts += found.drafts
    reading.given.update(found.given)
    reading.problems += [Problem(problem.field, problem.message) for problem in found.problems]


def _read_plan(
    reading: _Variables, settings: Settings, text: str, environ: Mapping[str, str], *, files: bool
) -> FirstPlan | None:
    """The plan in this text, or the first plan of the source that it names."""
    if text.startswith("{"):
        from faultlayer.settings.plan import read

        plan = read(text)
        reading.problems += plan_problems(plan)
        return FirstPlan(plan)
    from faultlayer.settings.sources import find_source

    try:
        source = find_source(text, environ)
    except ValueError as error:
        reading.refuse(PLAN, f"{error}; allowed: {_GLOBALS['PLAN'].kind.allowed}")
        return None
    if not files:
        return None
    return _read_source(reading, settings, source) if source.at_start else FirstPlan(source=source)


def _read_source(reading: _Variables, settings: Settings, source: Source) -> FirstPlan:
    """The source's first plan. After a mistake nothing is injected until it has a better one."""
    from faultlayer.settings.plan import read

    try:
        found = source.fetch()
    except ValueError as error:
        message = f"{error}; allowed: {_GLOBALS['PLAN'].kind.allowed}; nothing is injected"
        reading.problems.append(Problem(PLAN, message))
        return FirstPlan(None, source, None, str(error))
    plan = read(found)
    reading.problems += plan_problems(plan)
    if plan.stopped:
        return FirstPlan(None, source, found, stopping_problem(plan))
    conflict = window_conflict(settings, plan)
    if conflict is not None:
        message = conflict.message + "; nothing is injected"
        reading.problems.append(Problem(conflict.variable, message))
        return FirstPlan(None, source, found, conflict.message)
    return FirstPlan(plan, source, found)


def _check_window(reading: _Variables, settings: Settings, plan: Plan | None) -> None:
    if settings.ends_before_start:
        start = PREFIX + "START"
        reading.refuse(PREFIX + "END", f"is not after {start}; allowed: a time after {start}")
    elif plan is not None and (conflict := window_conflict(settings, plan)) is not None:
        reading.refuse(conflict.variable, conflict.message)


def _check_starts(reading: _Variables, settings: Settings, plan: Plan | None) -> None:
    """Refuse faults of the start beside a match for all rules: a start has no event to match."""
    ours = settings.match is not None
    if not ours and (plan is None or plan.settings.match is None):
        return
    beside = PREFIX + "MATCH" if ours else f"the match in {PLAN}"
    message = f"has no effect beside {beside}: {NO_EVENT}; allowed: other faults' own matches"
    for fault, given in reading.drafts:
        if fault.begin is not None and given is not None:
            reading.problems.append(Problem(PREFIX + fault.name.upper(), message))
    for fault, given in plan.drafts if plan is not None and ours else ():
        if fault.begin is not None and given is not None:
            reading.problems.append(Problem(PLAN, f"{fault.name} {message}"))


def _drafts(reading: _Variables, stem: str, given: dict[str, str]) -> list[Draft]:
    """The rule that one fault's variables describe; none if the fault is off."""
    from faultlayer.faults import find_fault

    fault = find_fault(stem.lower())
    if fault is None:
        for variable, text in given.items():
            if text:
                reading.refuse(variable, _unknown(variable))
        return []
    known = fault.variables()
    values: dict[str, Any] = {option.name: option.default for option in known.values()}
    before = len(reading.problems)
    main = next(iter(known))
    if given.get(main) == "":
        return []
    for variable, text in given.items():
        option = known.get(variable)
        if not text and (option is None or not option.kind.empty):
            continue
        if option is None:
            allowed = ", ".join(known)
            why = fault.lacks(variable[len(main) + 1 :].lower())
            reading.refuse(variable, f"is not a variable of this fault{why}; allowed: {allowed}")
            continue
        try:
            values[option.name] = option.kind.parse(text)
        except ValueError as error:
            reading.refuse(variable, f"{error}; allowed: {option.kind.allowed}")
            continue
        if text and main not in given:
            reading.refuse(variable, f"has no effect without {main}")
    wrong = len(reading.problems) > before
    return [(fault, None if wrong else values)] if main in given else []


def _unknown(variable: str) -> str:
    """The message on an unknown variable. It imports all faults: only a typing mistake pays."""
    from faultlayer.faults import all_faults
    from faultlayer.values.suggestion import hint

    faults = all_faults()
    known = [PREFIX + name for name in _GLOBALS] + [v for f in faults for v in f.variables()]
    allowed = ", ".join(PREFIX + fault.name.upper() for fault in faults)
    return f"is not a variable of faultlayer{hint(variable, known)} (faults: {allowed})"
