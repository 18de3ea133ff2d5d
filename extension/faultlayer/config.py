"""What the environment variables say: rules to apply, and one problem per variable that is wrong.

It promises that a mistake in one fault's variables leaves the others working, that a mistake in
a variable which limits all of them leaves none, and that no message repeats a value. A fault
whose own variable is empty is off, as if it were unset: templates pass empty parameters on.
"""

from __future__ import annotations

from faultlayer.aim import Aim, Rule
from faultlayer.registry import GLOBALS, PREFIX, Fault, Option, Options, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_GLOBALS = {option.name: option for option in GLOBALS}
# Wrong, these leave nothing certain about what may be hit, so nothing is.
_LIMITING = frozenset(("DISABLED", "RATE", "DRY_RUN", "SEED", "RUNTIME_API"))
# Limits of the documented contract that this version cannot keep yet: never ignored in silence.
_UNSUPPORTED = frozenset(("MATCH", "START", "END"))


class Problem:
    """What is wrong with one variable; `allowed` is part of the message."""

    __slots__ = ("message", "variable")

    def __init__(self, variable: str, message: str) -> None:
        self.variable = variable
        self.message = message


class Config:
    """The configuration: the aim (None: nothing to inject), the proxy's port and upstream."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.aim: Aim | None = None
        self.port = 9747
        self.upstream: tuple[str, int] | None = None
        self.values: dict[str, Any] = {}


def address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`; raises ValueError where it is not that."""
    host, colon, port = text.strip().rpartition(":")
    named = colon and host and host.isascii() and host.isprintable() and " " not in host
    numbered = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
    if not (named and numbered):
        raise ValueError("is not host:port")
    return host, int(port)


def read(environ: Mapping[str, str]) -> Config:
    """The configuration that these environment variables describe."""
    config = Config()
    faults: dict[str, dict[str, str]] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        name = variable[len(PREFIX) :]
        if name in _GLOBALS:
            _read_global(config, _GLOBALS[name], environ[variable])
        else:
            faults.setdefault(name.partition("_")[0], {})[variable] = environ[variable]
    rules = [rule for stem, given in faults.items() for rule in _rules(config, stem, given)]
    values = config.values
    wrong = {problem.variable[len(PREFIX) :] for problem in config.problems}
    stopped = values.get("DISABLED") or wrong & (_LIMITING | _UNSUPPORTED)
    if rules and not stopped:
        config.aim = Aim(rules, values.get("SEED"), dry_run=values.get("DRY_RUN", False))
    return config


def _read_global(config: Config, option: Option, text: str) -> None:
    try:
        value = option.kind.parse(text)
        if option.name == "RUNTIME_API":
            config.upstream = address(value)
    except ValueError as error:
        effect = "; nothing is injected" if option.name in _LIMITING else ""
        _refuse(config, PREFIX + option.name, f"{error}; allowed: {option.kind.allowed}{effect}")
        return
    config.values[option.name] = value
    if option.name == "PORT":
        config.port = value


def _refuse(config: Config, variable: str, message: str) -> None:
    config.problems.append(Problem(variable, message))


def _rules(config: Config, stem: str, given: dict[str, str]) -> list[Rule]:
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
    if len(config.problems) > before:
        return []
    return _rule(config, fault, values)


def _rule(config: Config, fault: Fault, values: dict[str, Any]) -> list[Rule]:
    rate, maximum = values.pop("rate"), values.pop("max")
    if rate is None:
        rate = config.values.get("RATE", 1.0)
    if rate == 0 or maximum == 0:
        return []  # it can never hit, so it must cost nothing
    return [Rule(fault, Options(values), rate, maximum)]


def _unknown(variable: str) -> str:
    """What to say of a variable that nothing has; imports all faults, for those who mistype."""
    from faultlayer.registry import all_faults

    if variable[len(PREFIX) :] in _UNSUPPORTED:
        return "is not supported by this version; nothing is injected"
    faults = all_faults()
    known = [PREFIX + name for name in _GLOBALS] + [v for f in faults for v in f.variables()]
    nearest = min(known, key=lambda name: _distance(variable[:64], name))
    hint = f"; did you mean {nearest}?" if _distance(variable[:64], nearest) < 4 else ""
    allowed = ", ".join(PREFIX + fault.name.upper() for fault in faults)
    return f"is not a variable of faultlayer{hint} (faults: {allowed})"


def _distance(one: str, other: str) -> int:
    """Levenshtein's edit distance."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]
