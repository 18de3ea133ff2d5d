"""The `faultlayer` command: its subcommands, and what every failure looks like.

Exit code 0: it answered; 2: a mistake in what was typed, nothing was started; 4: `stop` found
nothing to stop; 5: the function that `local --invoke` ran failed; 1: anything else.
A mistake is one line on standard error, never a traceback.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from faultlayer import __version__
from faultlayer.values.suggestion import hint
from faultlayer_cli.errors import Failure
from faultlayer_cli.terminal import prepare, put, say

# A command's module is imported when it is asked for: boto3 takes a while.
_COMMANDS = [
    "demo",
    "local",
    "publish",
    "attach",
    "status",
    "stop",
    "detach",
    "arm",
    "disarm",
    "show",
    "report",
    "explain",
    "validate",
    "wrap-package",
    "completion",
]
_MODULES = {  # else of its name in commands
    "demo": "demo.command",
    "detach": "commands.attach",
    "disarm": "commands.arm",
    "show": "commands.arm",
    "wrap-package": "commands.wrap_package",
}


class Commands(click.Group):
    """The subcommands, in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _COMMANDS

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"faultlayer_cli.{_MODULES.get(name, f'commands.{name}')}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(
                f"No such command {name!r}{hint(name, _COMMANDS)}; allowed: {', '.join(_COMMANDS)}"
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n  faultlayer demo\n  faultlayer attach orders --latency 300ms",
)
@click.version_option(__version__, prog_name="faultlayer", message="%(prog)s %(version)s")
def commands() -> None:
    """Faults for AWS Lambda functions, without touching their code."""


def run(arguments: list[str] | None = None) -> int:
    """The exit code of the command with these arguments."""
    try:
        result = commands.main(arguments, prog_name="faultlayer", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        put(*error.format_message().split("\n"), error=True)
        return 2
    except click.ClickException as error:
        say(" ".join(error.format_message().split()))
        return 2 if isinstance(error, click.UsageError) else 1
    except Failure as error:
        for line in str(error).split("\n"):
            say(line)
        return error.code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return 1
    except OSError as error:
        say(str(error))
        return 1


def main() -> NoReturn:
    prepare()
    sys.exit(run())
