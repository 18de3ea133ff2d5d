"""The configuration as tests ask for it."""

from __future__ import annotations

from faultlayer.settings.configuration import Config
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.registry import PREFIX


def read(**variables: str) -> Config:
    """The configuration of these variables, given without their prefix."""
    return read_environment({PREFIX + name: text for name, text in variables.items()})


def faults(settings: Config) -> list[str]:
    """The faults that may be injected, in order."""
    rules = settings.aim.starts + settings.aim.rules if settings.aim else []
    return [rule.fault.name for rule in rules]


def the_problem(settings: Config) -> tuple[str, str]:
    assert len(settings.problems) == 1, [p.variable for p in settings.problems]
    return settings.problems[0].variable, settings.problems[0].message


LATE = '{"faults":[{"fault":"latency","delay":"1s","rate":0.5},{"fault":"latency","delay":"2s"}]'
