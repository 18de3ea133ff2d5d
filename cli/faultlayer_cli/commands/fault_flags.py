"""The fault registry as command-line flags: flags become variables, problems name flags again.

A flag means the same as its variable and is checked by the same code: its text becomes the
variable's text, and the extension's own reader judges all variables together.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click
from click.shell_completion import CompletionItem

from faultlayer.faults import all_faults
from faultlayer.jsontext import unmarked
from faultlayer.settings.configuration import Problem
from faultlayer.values.kinds import Choice, Flag, Matching, PlanOrPlace
from faultlayer.vocabulary.registry import AT_START, COMMON, GLOBALS, PREFIX, Option
from faultlayer_cli.commands.again import PLAN_AS_TYPED
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.variables import END, Variables
from faultlayer_cli.terminal import say

# A flag means the same in all commands. --dry-run is about the command: it changes nothing. --until
# goes with --for. `port` alone could be any of several.
_RENAMED = {"DRY_RUN": "--log-only", "END": "--until", "PORT": "--proxy-port"}
_OLD = {"DRY_RUN": "--dry-run", "END": "--end"}  # which go on working
_ALL = (
    "All faults",
    "every fault also has a --FAULT-rate, a --FAULT-match (which events) and a --FAULT-max "
    "(injections at most), as in --latency-rate 20%",
)


_PLAN_HELP = (
    "a plan in YAML or JSON, which goes into the variable (or file:/var/task/plan.json, where the "
    "function finds it)"
)


@dataclass(frozen=True)
class Setting:
    """One environment variable as a flag, under the heading it belongs to."""

    variable: str
    option: Option
    heading: str
    about: str

    @property
    def flag(self) -> str:
        name = self.variable.removeprefix(PREFIX)
        return _RENAMED.get(name, "--" + name.lower().replace("_", "-"))

    @property
    def old(self) -> str | None:
        """The flag that it had before; None if it had no other."""
        return _OLD.get(self.variable.removeprefix(PREFIX))

    @property
    def about_fault(self) -> bool:
        """True if it belongs to one fault, false if it holds for all."""
        return self.heading != _ALL[0]

    @property
    def is_switch(self) -> bool:
        """True if the flag takes no value."""
        return isinstance(self.option.kind, Flag)

    @property
    def parameter(self) -> str:
        """Its name among the command's arguments."""
        return self.variable.lower()

    def as_click(self) -> click.Option:
        """The click option; its value is the variable's text, judged later with all others.

        The help page mentions what every fault has only once, so these are hidden.
        """
        names = [self.flag, *([self.old] if self.old else []), self.parameter]
        if self.is_switch:
            return click.Option(names, is_flag=True, flag_value="true", help=self.help)
        return click.Option(
            names,
            metavar=self.option.kind.metavar,
            help=self.help,
            hidden=self.option in COMMON + AT_START,
            callback=_plan if isinstance(self.option.kind, PlanOrPlace) else None,
            shell_complete=self._completed,
        )

    def _completed(
        self, ctx: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The words that a shell completes it with."""
        kind = self.option.kind
        if isinstance(kind, PlanOrPlace):
            return [CompletionItem(incomplete, type="file")]
        words = kind.words if isinstance(kind, Choice) else ()
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]

    @property
    def help(self) -> str:
        if isinstance(self.option.kind, PlanOrPlace):
            return _PLAN_HELP
        text = self.option.help.replace("`", "")
        if isinstance(self.option.kind, Matching):
            text += ": " + self.option.kind.allowed.replace("`", "")
        if self.old:
            text += f"; {self.old} is its old name"
        default = self.option.default
        return text if default is None else f"{text} [default: {self.option.kind.show(default)}]"


def _plan(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The variable's text for the plan that a flag names: the plan itself, or its place."""
    if not value or unmarked(value).lstrip().startswith(("{", *PlanOrPlace.schemes)):
        return value
    from faultlayer_cli.plans.files import load  # which imports PyYAML, and nobody else needs it

    ctx.meta[PLAN_AS_TYPED + (parameter.name or "")] = value
    return load(value).compact()


def settings() -> list[Setting]:
    """Every variable of every fault, then the global ones, in the order of the help page."""
    found = []
    for fault in all_faults():
        heading = fault.name.capitalize()
        for name, option in fault.variables().items():
            found.append(Setting(name, option, heading, fault.help))
    return found + [Setting(PREFIX + option.name, option, *_ALL) for option in GLOBALS]


def parse(
    given: Mapping[str, str], typed: frozenset[str], known: list[Setting] | None = None
) -> Variables:
    """Parse these variables. Raises Mistake, with one line per problem.

    `typed` are the variables that were given as flags: their problems name the flags. A flag
    without a value is a mistake, although its variable may be empty: templates leave it out like
    that.
    """
    variables = Variables(given)
    problems = variables.problems + _without_value(variables.texts, typed, known)
    if not problems:
        return variables
    names = {setting.variable: setting.flag for setting in known or settings()}
    lines = []
    for problem in problems:
        message = problem.message.replace("; nothing is injected", "")
        if problem.variable not in typed:
            lines.append(f"{problem.variable} {message}")
            continue
        said = re.sub(PREFIX + r"[A-Z_]+", lambda found: names.get(found[0], found[0]), message)
        lines.append(f"{names[problem.variable]} {said}")
    raise Mistake("\n".join(lines))


def refuse_end_that_is_over(variables: Variables, typed: frozenset[str]) -> None:
    """Raise Mistake if the end in these variables is over."""
    end = variables.configuration.settings.end
    if end is not None and end <= time.time():
        named = "--until" if END in typed else END
        raise Mistake(f"{named} is over already; allowed: a time that is to come")


def warn(
    warnings: Sequence[str], typed: frozenset[str], known: list[Setting] | None = None
) -> list[str]:
    """Print these doubts, naming the flags of the variables that were typed; the lines."""
    names = {s.variable: s.flag for s in known or settings() if s.variable in typed}
    lines = [
        re.sub(PREFIX + r"[A-Z_]+", lambda found: names.get(found[0], found[0]), line)
        for line in warnings
    ]
    for line in lines:
        say(f"warning: {line}")
    return lines


def _without_value(
    given: Mapping[str, str], typed: frozenset[str], known: list[Setting] | None
) -> list[Problem]:
    if all(map(given.get, typed)):
        return []
    return [
        Problem(each.variable, f"has no value; allowed: {each.option.kind.allowed}")
        for each in known or settings()
        if each.variable in typed and not given[each.variable] and not each.option.kind.empty
    ]
