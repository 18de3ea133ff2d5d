"""`faultlayer validate`: plans and variables judged before they are deployed, as in a CI pipeline.

It promises to say all that is wrong, one line each, by the code that reads it in Lambda.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import click

from faultlayer import config
from faultlayer.registry import PREFIX
from faultlayer_cli.commands import output
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans import files as plan_files
from faultlayer_cli.terminal import say

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


@click.command()
@click.argument("files", nargs=-1, metavar="[PLAN]...")
@click.option(
    "--variables",
    metavar="FILE",
    multiple=True,
    help="lines of NAME=value, or a JSON object of names and values (repeatable)",
)
@click.option("--json", "json_", is_flag=True, help="print JSON, for scripts")
def validate(files: Sequence[str], variables: Sequence[str], json_: bool) -> int:
    """Check plans, and variables in files; with neither, the FAULTLAYER_ variables that are set.

    Exit code 0 where all is right, 2 where something is wrong.
    """
    found: dict[str, list[str]] = {}
    for path in files:
        found[path] = _plan(path)
    for path in variables:
        found[path] = _problems(path, _read(path))
    if not found:
        own = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
        if not own:
            raise Mistake("nothing to check; allowed: plans, --variables, or FAULTLAYER_ set")
        found["environment"] = _problems("environment", own)
    if json_:
        output.print_json({"files": [{"file": f, "problems": p} for f, p in found.items()]})
    for path, problems in found.items():
        for problem in problems:
            say(problem)
        if not problems and not json_:
            print(f"{path}: right")
    return 2 if any(found.values()) else 0


def _plan(path: str) -> list[str]:
    try:
        plan_files.load(path)
    except Mistake as wrong:
        return str(wrong).splitlines()
    return []


def _problems(path: str, variables: dict[str, str]) -> list[str]:
    problems = config.read(variables, files=False).problems
    return [f"{path}: {problem.variable} {problem.message}" for problem in problems]


def _read(path: str) -> dict[str, str]:
    """The variables in a file of either kind; raises Mistake."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Mistake(f"--variables {path} cannot be read: {reason}") from None
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except ValueError as error:
            raise Mistake(f"--variables {path} is not JSON: {error}") from None
        if not all(isinstance(value, str) for value in given.values()):
            raise Mistake(f"--variables {path} has a value that is no text")
        return dict(given)
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
