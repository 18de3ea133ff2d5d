"""What the environment variables say: rules to apply, and one problem per variable that is wrong.

It promises that a mistake in one fault's variables leaves the others working, that a mistake in
a variable which limits all of them leaves none, and that no message repeats a value. A fault
whose own variable is empty is off, as if it were unset: templates pass empty parameters on.
"""

from __future__ import annotations

from time import time

from faultlayer.aim import Aim, Limit, Rule
from faultlayer.registry import GLOBALS, NO_EVENT, PREFIX, Fault, Option, Options, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from faultlayer.counts import Count, Counts
    from faultlayer.plan import Plan
    from faultlayer.source import Source
    from faultlayer.start import Start

    # A fault with the values of its options, None where one of them is wrong.
    Draft: TypeAlias = tuple[Fault, dict[str, Any] | None]

_GLOBALS = {option.name: option for option in GLOBALS}
# Wrong, these leave nothing certain about what may be hit, so nothing is.
_LIMITING = frozenset(
    ("DISABLED", "RATE", "MATCH", "START", "END", "DRY_RUN", "SEED", "RUNTIME_API", "PLAN")
)
_MOST_SAID = 20  # problems of one plan that are logged
_FOREIGN = ("CHAOS_EXTENSION__", "FAILURE_LAMBDA_DISABLED")  # what `dialects` reads
_POLL = 10.0  # seconds
_MATCH = "MATCH"
PLAN = PREFIX + "PLAN"


class Problem:
    """What is wrong with one variable; `allowed` is part of the message."""

    __slots__ = ("message", "variable")

    def __init__(self, variable: str, message: str) -> None:
        self.variable = variable
        self.message = message


class Config:
    """The configuration: the aim (None: nothing to inject), the proxy's port and upstream.

    `values` and `drafts` are what the variables alone say, `plan` what they name (None: none),
    `source` where that may change (None: it cannot, or nothing could be injected anyhow).
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.aim: Aim | None = None
        self.port = 9747
        self.upstream: tuple[str, int] | None = None
        self.values: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.plan: Plan | None = None
        self.source: Source | None = None
        self.found: str | bytes | None = None  # what was read there at the start
        self.failing: str | None = None  # why that is no plan
        self.stopped = False  # by a mistake in what limits all faults
        self.start: Start | None = None  # what is still to be done about the start
        self.kept: bytes | None = None  # the file that keeps what limits have counted
        self._counts: Counts | None = None
        self._limits: dict[tuple[str, ...], Limit] = {}

    @property
    def poll(self) -> float:
        """How old, in seconds, a plan may become before it is read anew."""
        seconds: float = self.values.get("POLL", _POLL)
        return seconds

    def aimed(self, plan: Plan | None) -> Aim | None:
        """What the variables and this plan aim at together; None where nothing can be hit.

        Their rules add up; of what holds for all rules, the variables' say wins. What a rule may
        still inject is kept for as long as each plan has that rule.
        """
        values = {**plan.values, **self.values} if plan else self.values
        rules: list[Rule] = []
        counts: dict[str, int] = {}
        limits: dict[tuple[str, ...], Limit] = {}
        for fault, given in self.drafts + (plan.drafts if plan else []):
            nth = counts[fault.name] = counts.get(fault.name, 0) + 1
            if given is not None:
                limit = self._limit(fault, given, limits)
                rules += _rule(fault, given, values, limit, nth)
        if self._counts is not None:
            for key in self._limits.keys() - limits.keys():
                self._counts.forget(key)
        self._limits = limits
        stopped = self.stopped or (plan is not None and plan.stopped)
        stopped = stopped or (plan is None and self.source is not None)
        if stopped or values.get("DISABLED") or ends_before_start(values) or not rules:
            return None
        return Aim(
            rules,
            values.get("SEED"),
            dry_run=values.get("DRY_RUN", False),
            start=values.get("START"),
            end=values.get("END"),
        )

    def _limit(
        self, fault: Fault, given: dict[str, Any], limits: dict[tuple[str, ...], Limit]
    ) -> Limit | None:
        """The limit of this rule, as it was left where the rule is not new."""
        if given["max"] is None:
            return None
        key: tuple[str, ...] = (fault.name,)
        for option in fault.variables().values():
            value = given[option.name]
            key += ("",) if value is None else ("=", option.kind.show(value))
        while key in limits:  # the same rule once more
            key += ("",)
        limits[key] = self._limits.get(key) or Limit(given["max"], self._count(key))
        return limits[key]

    def _count(self, key: tuple[str, ...]) -> Count | None:
        """How often this rule has hit already, in an earlier life of this environment."""
        if self.kept is None:
            return None
        if self._counts is None:
            from faultlayer.counts import Counts

            self._counts = Counts(self.kept)
        return self._counts.of(key)

    def conflict(self, plan: Plan) -> tuple[str, str] | None:
        """The variable, and what is to say of it, where its window leaves this plan's no time."""
        if plan.stopped or not ends_before_start({**plan.values, **self.values}):
            return None
        name, other = "END", "after the start"
        if name not in self.values:
            name, other = "START", "before the end"
        return PREFIX + name, f"is not {other} that {PLAN} says; allowed: a time {other}"

    def idle(self, now: float) -> bool:
        """Whether the variables alone say that nothing is injected from now on, by any plan."""
        end = self.values.get("END")
        over = end is not None and end <= now
        return self.stopped or bool(self.values.get("DISABLED")) or over


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


def read(environ: Mapping[str, str], *, files: bool = True, kept: bytes | None = None) -> Config:
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


def _read_plan(config: Config, text: str, environ: Mapping[str, str], *, files: bool) -> None:
    if text.startswith("{"):
        from faultlayer.plan import read

        config.plan = read(text)
        config.problems += told(config.plan)
        return
    from faultlayer.source import find

    try:
        source = find(text, environ)
    except ValueError as error:
        _refuse(config, PLAN, f"{error}; allowed: {_GLOBALS['PLAN'].kind.allowed}")
        return
    if files:
        config.source = source
        if source.at_start:
            _read_source(config, source)


def _read_source(config: Config, source: Source) -> None:
    """The source's first plan; a mistake there stops all until the source has a better one."""
    from faultlayer.plan import read

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


def told(plan: Plan) -> list[Problem]:
    """What is to say of the plan's problems, where there are many not of all."""
    said = [problem.said() for problem in plan.problems]
    if len(said) > _MOST_SAID:
        said[_MOST_SAID:] = [f"has {len(said) - _MOST_SAID} more problems"]
    return [Problem(PLAN, message) for message in said]


def wrong_with(plan: Plan) -> str:
    """The first mistake of a plan that stops all of it."""
    problem = next(problem for problem in plan.problems if problem.limiting)
    return f"{problem.field} {problem.message}".lstrip()


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


def _rule(
    fault: Fault, given: dict[str, Any], common: Mapping[str, Any], limit: Limit | None, nth: int
) -> list[Rule]:
    values = dict(given)
    rate, maximum, match = values.pop("rate"), values.pop("max"), values.pop("match", None)
    if rate is None:
        rate = common.get("RATE", 1.0)
    if match is None:
        match = common.get(_MATCH)
    if rate == 0 or maximum == 0:
        return []  # it can never hit, so it must cost nothing
    if fault.begin is not None and match is not None:
        return []  # hitting without a match would be more than was asked for
    return [Rule(fault, Options(values), rate, limit, match, nth)]


def _unknown(variable: str) -> str:
    """What to say of a variable that nothing has; imports all faults, for those who mistype."""
    from faultlayer.nearest import hint
    from faultlayer.registry import all_faults

    faults = all_faults()
    known = [PREFIX + name for name in _GLOBALS] + [v for f in faults for v in f.variables()]
    allowed = ", ".join(PREFIX + fault.name.upper() for fault in faults)
    return f"is not a variable of faultlayer{hint(variable, known)} (faults: {allowed})"
