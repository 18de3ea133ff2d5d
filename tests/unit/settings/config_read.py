"""The configuration as tests ask for it."""

from __future__ import annotations

from typing import Any

from faultlayer.settings.configuration import Configuration
from faultlayer.settings.draft import Plan
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.registry import PLANNED, PREFIX


def read(**variables: str) -> Configuration:
    """The configuration of these variables, given without their prefix."""
    return read_environment({PREFIX + name: text for name, text in variables.items()})


def faults(settings: Configuration) -> list[str]:
    """The faults that may be injected, in order."""
    rules = settings.chooser.starts + settings.chooser.rules if settings.chooser else []
    return [rule.fault.name for rule in rules]


def settings_of(plan: Plan) -> dict[str, Any]:
    """The settings that a plan gives, by variable."""
    found = {name: getattr(plan.settings, name.lower()) for name in PLANNED}
    return {name: value for name, value in found.items() if value is not None}


def the_problem(settings: Configuration) -> tuple[str, str]:
    assert len(settings.problems) == 1, [p.variable for p in settings.problems]
    return settings.problems[0].variable, settings.problems[0].message


LATE = '{"faults":[{"fault":"latency","delay":"1s","rate":0.5},{"fault":"latency","delay":"2s"}]'
