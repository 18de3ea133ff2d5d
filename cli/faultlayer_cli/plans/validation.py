"""Judge plans and variables in files before they are deployed, by the code that runs in Lambda."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans import files as plan_files
from faultlayer_cli.plans.variables import Variables

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


@dataclass(frozen=True)
class Checked:
    """One file, or the environment, and one line per mistake in it."""

    file: str
    problems: tuple[str, ...]


def check_plan(path: str) -> Checked:
    """Judge the plan in a YAML or JSON file."""
    try:
        plan_files.load(path)
    except Mistake as wrong:
        return Checked(path, tuple(str(wrong).splitlines()))
    return Checked(path, ())


def check_variables(name: str, variables: Mapping[str, str]) -> Checked:
    """Judge variables; `name` is the name of their file or function."""
    problems = Variables(variables).problems
    return Checked(name, tuple(f"{name}: {each.variable} {each.message}" for each in problems))


def read_variables(path: str) -> dict[str, str]:
    """The variables in a file: lines of NAME=value, or a JSON object. Raises Mistake."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Mistake(f"--variables {path} cannot be read: {reason}") from None
    if text.lstrip().startswith("{"):
        return _from_json(text, path)
    variables = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise Mistake(f"--variables {path}: line {number} is not NAME=value")
        value = found[2].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        variables[found[1]] = value
    return variables


def _from_json(text: str, path: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise Mistake(f"--variables {path} is not JSON: {error}") from None
    if not all(isinstance(value, str) for value in given.values()):
        raise Mistake(f"--variables {path} has a value that is no text")
    return dict(given)
