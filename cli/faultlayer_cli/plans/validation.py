"""Judge plans and variables in files before they are deployed, by the code that runs in Lambda."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from faultlayer_cli.errors import Mistake
from faultlayer_cli.given_variables import ANY_NAME, of_files
from faultlayer_cli.input_files import label_of
from faultlayer_cli.plans import files as plan_files
from faultlayer_cli.plans.doubts import doubts
from faultlayer_cli.plans.variables import PLAN, Variables


@dataclass(frozen=True)
class Checked:
    """One file, or the environment: one line per mistake in it, one per setting without effect."""

    file: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def check_plan(path: str) -> Checked:
    """Judge the plan in a YAML or JSON file."""
    name = label_of(path)
    try:
        plan = plan_files.load(path)
    except Mistake as wrong:
        return Checked(name, tuple(str(wrong).splitlines()))
    found = doubts(Variables({PLAN: plan.compact()}).configuration, "")
    return Checked(name, (), tuple(f"{name}: {each}" for each in found))


def check_variables(name: str, variables: Mapping[str, str]) -> Checked:
    """Judge variables; `name` is the name of their file or function."""
    configuration = Variables(variables).configuration
    return Checked(
        name,
        tuple(f"{name}: {each.variable} {each.message}" for each in configuration.problems),
        tuple(f"{name}: {each}" for each in doubts(configuration)),
    )


def check_file(path: str) -> Checked:
    """Judge the variables in a file, or in standard input (-)."""
    name = label_of(path)
    try:
        return check_variables(name, read_variables(path))
    except Mistake as wrong:
        return Checked(name, tuple(str(wrong).splitlines()))


def read_variables(path: str) -> dict[str, str]:
    """The variables in a file, or in standard input (-). Raises Mistake."""
    return of_files([path], os.environ, flag="--variables", names=ANY_NAME)
