"""What the environment variables say: rules to apply, and one problem per variable that is wrong.

It promises that a mistake in one fault's variables leaves the others working, that a mistake in
a variable which limits all of them leaves none, and that no message repeats a value. A fault
whose own variable is empty is off, as if it were unset: templates pass empty parameters on.
"""

from __future__ import annotations

from time import time

from faultlayer.aim import Aim, Rule
from faultlayer.registry import GLOBALS, PREFIX, Fault, Option, Options, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from faultlayer.plan import Plan

    # A fault with the values of its options, None where one of them is wrong.
    Draft: TypeAlias = tuple[Fault, dict[str, Any] | None]

_GLOBALS = {option.name: option for option in GLOBALS}
# Wrong, these leave nothing certain about what may be hit, so nothing is.
_LIMITING = frozenset(
    ("DISABLED", "RATE", "MATCH", "START", "END", "DRY_RUN", "SEED", "RUNTIME_API", "PLAN")
)
_MOST_SAID = 20  # problems of one plan that are logged
_FOREIGN = ("CHAOS_EXTENSION__", "FAILURE_LAMBDA_DISABLED")  # what `dialects` reads


class Problem:
    """What is wrong with one variable; `allowed` is part of the message."""

    __slots__ = ("message", "variable")

    def __init__(self, variable: str, message: str) -> None:
        self.variable = variable
        self.message = message


class Config:
    """The configuration: the aim (None: nothing to inject), the proxy's port and upstream.

    `values` and `drafts` are what the variables alone say, `plan` what they name (None: none).
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.aim: Aim | None = None
        self.port = 9747
        self.upstream: tuple[str, int] | None = None
        self.values: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.plan: Plan | None = None
        self.stopped = False  # by a mistake in what limits all faults

    def aimed(self, plan: Plan | None) -> Aim | None:
        """What the variables and this plan aim at together; None where nothing can be hit.

        Their rules add up; of what holds for all rules, the variables' say wins.
        """
        values = {**plan.values, **self.values} if plan else self.values
        stopped = self.stopped or (plan is not None and plan.stopped)
        if stopped or values.get("DISABLED") or ends_before_start(values):
            return None
        rules: list[Rule] = []
        counts: dict[str, int] = {}
        for fault, given in self.drafts + (plan.drafts if plan else []):
            nth = counts[fault.name] = counts.get(fault.name, 0) + 1
            if given is not None:
                rules += _rule(fault, given, values, nth)
        if not rules:
            return None
        return Aim(
            rules,
            values.get("SEED"),
            dry_run=values.get("DRY_RUN", False),
            start=values.get("START"),
            end=values.get("END"),
        )


def ends_before_start(values: Mapping[str, Any]) -> bool:
    """Whether the window leaves no time."""
    start, end = values.get("START"), values.get("END")
    return start is not None and end is not None and end <= start


def address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`; raises ValueError where it is not that."""
    host, colon, port = text.strip().rpartition(":")
    named = colon and host and host.isascii() and host.isprintable() and " " not in host
    numbered = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
    if not (named and numbered):
        raise ValueError("is not host:port")
    return host, int(port)


def read(environ: Mapping[str, str], *, files: bool = True) -> Config:
    """The configuration that these environment variables describe.

    `files`: whether what they name is on this machine, and to be read.
    """
    config = Config()
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
        _read_plan(config, source, files=files)
    _check_window(config)
    config.aim = config.aimed(config.plan)
    if config.aim and config.aim.over(time()):
        config.aim = None  # as idle as can be; a clock that jumps back finds nothing to hit
    return config


def _read_global(config: Config, option: Option, text: str) -> None:
    try:
        value = option.kind.parse(text)
        if option.name == "RUNTIME_API":
            config.upstream = address(value)
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
    from faultlayer.dialects import read_variables

    found = read_variables(given)
    config.drafts += found.drafts
    config.values.update(found.values)
    config.problems += [Problem(problem.field, problem.message) for problem in found.problems]


def _read_plan(config: Config, source: str, *, files: bool) -> None:
    from faultlayer import plan

    variable = PREFIX + "PLAN"
    try:
        config.plan = plan.fetch(source, files=files)
    except ValueError as error:
        _refuse(config, variable, f"{error}; allowed: {_GLOBALS['PLAN'].kind.allowed}")
        return
    if config.plan is not None:
        told = [problem.said() for problem in config.plan.problems]
        if len(told) > _MOST_SAID:
            told[_MOST_SAID:] = [f"has {len(told) - _MOST_SAID} more problems"]
        config.problems += [Problem(variable, message) for message in told]


def _check_window(config: Config) -> None:
    if ends_before_start(config.values):
        start = PREFIX + "START"
        _refuse(config, PREFIX + "END", f"is not after {start}; allowed: a time after {start}")
        return
    plan = config.plan
    if plan and not plan.stopped and ends_before_start({**plan.values, **config.values}):
        name, other = "END", "after the start"
        if name not in config.values:
            name, other = "START", "before the end"
        said = f"is not {other} that {PREFIX}PLAN says; allowed: a time {other}"
        _refuse(config, PREFIX + name, said)


def _drafts(config: Config, stem: str, given: dict[str, str]) -> list[Draft]:
    """The rule that one fault's variables describe: one, or none."""
    fault = find(stem.lower())
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
            _refuse(config, variable, f"is not a variable of this fault; allowed: {allowed}")
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


def _rule(fault: Fault, given: dict[str, Any], common: Mapping[str, Any], nth: int) -> list[Rule]:
    values = dict(given)
    rate, maximum, match = values.pop("rate"), values.pop("max"), values.pop("match")
    if rate is None:
        rate = common.get("RATE", 1.0)
    if match is None:
        match = common.get("MATCH")
    if rate == 0 or maximum == 0:
        return []  # it can never hit, so it must cost nothing
    return [Rule(fault, Options(values), rate, maximum, match, nth)]


def _unknown(variable: str) -> str:
    """What to say of a variable that nothing has; imports all faults, for those who mistype."""
    from faultlayer.nearest import hint
    from faultlayer.registry import all_faults

    faults = all_faults()
    known = [PREFIX + name for name in _GLOBALS] + [v for f in faults for v in f.variables()]
    allowed = ", ".join(PREFIX + fault.name.upper() for fault in faults)
    return f"is not a variable of faultlayer{hint(variable, known)} (faults: {allowed})"
