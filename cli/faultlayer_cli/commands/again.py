"""The command line that goes on with the functions that an interrupt left as they were."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click
from click.core import ParameterSource

PLAN_AS_TYPED = "faultlayer.plan as typed"  # in the context's meta: its option's value is the plan
_SELECTION = ("functions", "tags", "stacks")


def command_line(functions: Sequence[str] = ()) -> str:
    """The command that runs now, as it was typed; with these functions alone, if any are given."""
    context = click.get_current_context()
    words = ["faultlayer", context.command.name or "", *functions]
    options = []
    for parameter in context.command.params:
        name = parameter.name or ""
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not typed or (functions and name in _SELECTION):
            continue
        value = context.params.get(name)
        if isinstance(parameter, click.Option):
            options += _words(parameter, context.meta.get(PLAN_AS_TYPED + name, value))
        else:
            words += value or ()
    return shlex.join(words + options)


def _words(option: click.Option, value: object) -> list[str]:
    """One option as it is typed."""
    if option.is_flag:
        return [option.opts[0] if value else option.secondary_opts[0]]
    values = value if isinstance(value, tuple | list) else [value]
    return [word for one in values for word in (option.opts[0], str(one))]
