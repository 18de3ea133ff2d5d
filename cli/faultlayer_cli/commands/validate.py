"""`faultlayer validate`: judge plans and variables before they are deployed, as in a pipeline."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import examples, files
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.validation import check_file, check_plan, check_variables
from faultlayer_cli.terminal import put, say


@click.command(epilog=examples("faultlayer validate plan.yaml --variables variables.json"))
@click.argument("files", nargs=-1, metavar="[PLAN]...", shell_complete=files)
@click.option(
    "--variables",
    metavar="FILE",
    shell_complete=files,
    multiple=True,
    help="lines of NAME=value, a JSON object of them, or the answer of `aws lambda "
    "get-function-configuration` (repeatable)",
)
@click.option("--json", "json_", is_flag=True, help="print JSON, for scripts")
def validate(files: Sequence[str], variables: Sequence[str], json_: bool) -> int:
    """Check plans, and variables in files.

    With neither, the FAULTLAYER_ variables that are set are checked.

    A warning names what Lambda takes and what has no effect: a condition that can never hold, a
    host that is never hit, an end that is in the past.

    Exit code 0: all is right, warnings aside. 2: something is wrong.
    """
    found = [check_plan(path) for path in files]
    found += [check_file(path) for path in variables]
    if not found:
        own = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
        if not own:
            raise Mistake("nothing to check; allowed: plans, --variables, or FAULTLAYER_ set")
        found = [check_variables("environment", own)]
    found = list({each.file: each for each in found}.values())
    if json_:
        output.print_json(
            {
                "files": [
                    {
                        "file": each.file,
                        "problems": list(each.problems),
                        "warnings": list(each.warnings),
                    }
                    for each in found
                ]
            }
        )
    for each in found:
        for problem in each.problems:
            say(problem)
        for warning in each.warnings:
            say(f"warning: {warning}")
        if not each.problems and not json_:
            put(f"{each.file}: right" + _counted(each.warnings))
    return 2 if any(each.problems for each in found) else 0


def _counted(warnings: Sequence[str]) -> str:
    """How many warnings there are, in words; empty if there are none."""
    if not warnings:
        return ""
    return f", with {len(warnings)} warning" + "s" * (len(warnings) > 1)
