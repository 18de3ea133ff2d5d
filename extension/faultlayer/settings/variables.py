"""What the environment variables say: rules to apply, and one problem per variable that is wrong.

It promises that a mistake in one fault's variables leaves the others working, that a mistake in
a variable which limits all of them leaves none, and that no message repeats a value. A fault
whose own variable is empty is off, as if it were unset: templates pass empty parameters on.
"""

from __future__ import annotations

from time import time

from faultlayer.settings.configuration import PLAN, Config, Problem, told, wrong_with
from faultlayer.settings.draft import ends_before_start
from faultlayer.values.kinds import host_and_port
from faultlayer.vocabulary.registry import GLOBALS, NO_EVENT, PREFIX, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from faultlayer.settings.draft import Draft
    from faultlayer.settings.sources import Source

_GLOBALS = {option.name: option for option in GLOBALS}
# Wrong, these leave nothing certain about what may be hit, so nothing is.
_LIMITING = frozenset(
    ("DISABLED", "RATE", "MATCH", "START", "END", "DRY_RUN", "SEED", "RUNTIME_API", "PLAN")
)
_FOREIGN = ("CHAOS_EXTENSION__", "FAILURE_LAMBDA_DISABLED")  # what `other_tools` reads
_MATCH = "MATCH"


def read_environment(
    environ: Mapping[str, str], *, files: bool = True, kept: bytes | None = None
) -> Config:
    """The configuration that these environment variables describe.

    `files`: whether what they name is on this machine, and to be read. `kept`: the file that keeps
    what limits have counted (None: this process alone counts).
    """
    config = Config()
    config.kept = kept
    faults: dict[str, dict[str, str]] = {}
    foreign: dict[str, str] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            if variable.startswith(_FOREIGN):
                foreign[variable] = environ[variable]
            continue
        name = variable[len(PREFIX) :]
        if name in _GLOBALS:
            _read_global(config, _GLOBALS[name], environ[variable])
        else:
            faults.setdefault(name.partition("_")[0], {})[variable] = environ[variable]
    for stem, given in faults.items():
        config.drafts += _drafts(config, stem, given)
    if foreign:
        _read_foreign(config, foreign)
    source = config.values.pop("PLAN", None)
    if source is not None:
        _read_plan(config, source, environ, files=files)
    _check_window(config)
    _check_starts(config)
    now = time()
    config.aim = config.aimed(config.plan)
    if config.idle(now):
        config.source = None
    if config.aim and config.source is None and config.aim.over(now):
        config.aim = None  # as idle as can be; a clock that jumps back finds nothing to hit
    return config


def _read_global(config: Config, option: Option, text: str) -> None:
    try:
        value = option.kind.parse(text)
        if option.name == "RUNTIME_API":
            config.upstream = host_and_port(value)
    except ValueError as error:
        _refuse(config, PREFIX + option.name, f"{error}; allowed: {option.kind.allowed}")
        return
    config.values[option.name] = value
    if option.name == "PORT":
        config.port = value


def _refuse(config: Config, variable: str, message: str) -> None:
    if variable[len(PREFIX) :] in _LIMITING:
        config.stopped = True
        message += "; nothing is injected"
    config.problems.append(Problem(variable, message))


def _read_foreign(config: Config, given: dict[str, str]) -> None:
    """Other tools' variables: their rules add to ours, and their kill switch stops all."""
    from faultlayer.settings.other_tools import read_variables

    found = read_variables(given)
    config.drafts += found.drafts
    config.values.update(found.values)
    config.problems += [Problem(problem.field, problem.message) for problem in found.problems]


def _read_plan(config: Config, text: str, environ: Mapping[str, str], *, files: bool) -> None:
    if text.startswith("{"):
        from faultlayer.settings.plan import read

        config.plan = read(text)
        config.problems += told(config.plan)
        return
    from faultlayer.settings.sources import find_source

    try:
        source = find_source(text, environ)
    except ValueError as error:
        _refuse(config, PLAN, f"{error}; allowed: {_GLOBALS['PLAN'].kind.allowed}")
        return
    if files:
        config.source = source
        if source.at_start:
            _read_source(config, source)


def _read_source(config: Config, source: Source) -> None:
    """The source's first plan; a mistake there stops all until the source has a better one."""
    from faultlayer.settings.plan import read

    try:
        config.found = source.fetch()
    except ValueError as error:
        config.failing = str(error)
        message = f"{error}; allowed: {_GLOBALS['PLAN'].kind.allowed}; nothing is injected"
        config.problems.append(Problem(PLAN, message))
        return
    plan = read(config.found)
    config.problems += told(plan)
    if plan.stopped:
        config.failing = wrong_with(plan)
    elif (conflict := config.conflict(plan)) is not None:
        variable, config.failing = conflict
        config.problems.append(Problem(variable, config.failing + "; nothing is injected"))
    else:
        config.plan = plan


def _check_window(config: Config) -> None:
    if ends_before_start(config.values):
        start = PREFIX + "START"
        _refuse(config, PREFIX + "END", f"is not after {start}; allowed: a time after {start}")
    elif config.plan and (conflict := config.conflict(config.plan)) is not None:
        _refuse(config, *conflict)


def _check_starts(config: Config) -> None:
    """Say which faults are off since a match holds for all, and they have no event to match."""
    plan, variable = config.plan, PREFIX + _MATCH
    ours = _MATCH in config.values
    if not ours and (plan is None or _MATCH not in plan.values):
        return
    beside = variable if ours else f"the match in {PLAN}"
    message = f"has no effect beside {beside}: {NO_EVENT}; allowed: other faults' own matches"
    for fault, given in config.drafts:
        if fault.begin is not None and given is not None:
            config.problems.append(Problem(PREFIX + fault.name.upper(), message))
    for fault, given in plan.drafts if plan and ours else ():
        if fault.begin is not None and given is not None:
            config.problems.append(Problem(PLAN, f"{fault.name} {message}"))


def _drafts(config: Config, stem: str, given: dict[str, str]) -> list[Draft]:
    """The rule that one fault's variables describe: one, or none."""
    from faultlayer.faults import find_fault

    fault = find_fault(stem.lower())
    if fault is None:
        for variable in given:
            _refuse(config, variable, _unknown(variable))
        return []
    known = fault.variables()
    values: dict[str, Any] = {option.name: option.default for option in known.values()}
    before = len(config.problems)
    main = next(iter(known))
    if given.get(main) == "":
        return []
    for variable, text in given.items():
        option = known.get(variable)
        if option is None:
            allowed = ", ".join(known)
            why = fault.lacks(variable[len(main) + 1 :].lower())
            _refuse(config, variable, f"is not a variable of this fault{why}; allowed: {allowed}")
            continue
        try:
            values[option.name] = option.kind.parse(text)
        except ValueError as error:
            _refuse(config, variable, f"{error}; allowed: {option.kind.allowed}")
            continue
        if main not in given:
            _refuse(config, variable, f"has no effect without {main}")
    wrong = len(config.problems) > before
    return [(fault, None if wrong else values)] if main in given else []


def _unknown(variable: str) -> str:
    """What to say of a variable that nothing has; imports all faults, for those who mistype."""
    from faultlayer.faults import all_faults
    from faultlayer.values.suggestion import hint

    faults = all_faults()
    known = [PREFIX + name for name in _GLOBALS] + [v for f in faults for v in f.variables()]
    allowed = ", ".join(PREFIX + fault.name.upper() for fault in faults)
    return f"is not a variable of faultlayer{hint(variable, known)} (faults: {allowed})"
