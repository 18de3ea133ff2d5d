"""Judge plans and variables in files before they are deployed, by the code that runs in Lambda.

Variables are lines of NAME=value, a JSON object of names and values, or an answer of AWS's that has
such an object: of get-function-configuration, of get-function, or a part of it.
https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faultlayer.jsontext import Repeated
from faultlayer_cli.errors import Mistake
from faultlayer_cli.input_files import label_of, read_json, read_text
from faultlayer_cli.plans import files as plan_files
from faultlayer_cli.plans.doubts import doubts
from faultlayer_cli.plans.variables import PLAN, Variables

_MOST = 1 << 20  # bytes
_FORMS = 'names and texts, or {"Variables": …} as AWS has it'
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


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
    text = read_text(path, most=_MOST, flag="--variables")
    label = label_of(path, "--variables")
    if text.lstrip().startswith("{"):
        return _from_json(read_json(text, label), label)
    variables = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise Mistake(f"{label}: line {number} is not NAME=value")
        value = found[2].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        variables[found[1]] = value
    return variables


def _from_json(given: dict[str, Any], label: str) -> dict[str, str]:
    """The variables in a JSON object of names and texts, or in an answer of AWS's."""
    for member in ("Configuration", "Environment", "Variables"):
        inner = given.get(member)
        if isinstance(inner, dict):
            given = inner
        elif member == "Environment" and ("FunctionArn" in given or "FunctionName" in given):
            return {}  # AWS leaves the member out if a function has no variables
    if isinstance(given.get("Error"), dict):
        raise Mistake(f"{label} has no variables but an error: AWS could not decrypt them")
    if isinstance(given, Repeated):
        raise Mistake(f"{label} has {given.name} more than once")
    for name, text in given.items():
        if not isinstance(text, str):
            raise Mistake(f"{label} has {name}, which is not text; allowed: {_FORMS}")
    return dict(given)
