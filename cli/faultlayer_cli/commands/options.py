"""Options that several commands share: the account, the functions, the place of a live plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from faultlayer_cli.commands import fault_flags

Command = Callable[..., Any]


def examples(*lines: str) -> str:
    """The end of a help page: commands as they are typed, one a line."""
    heading = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(["\b", heading, *(f"  {line}" for line in lines)])


def files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a file's name."""
    return [CompletionItem(incomplete, type="file")]


def folders(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete a folder's name."""
    return [CompletionItem(incomplete, type="dir")]


def account_options(command: Command) -> Command:
    """--profile, --region and --json."""
    for option in (
        click.option("--json", "json_", is_flag=True, help="print JSON, for scripts"),
        click.option("--region", metavar="REGION", help="the AWS region"),
        click.option("--profile", metavar="NAME", help="the profile of your AWS configuration"),
    ):
        command = option(command)
    return command


def region_options(command: Command) -> Command:
    """--all-regions."""
    option = click.option("--all-regions", is_flag=True, help="in every region of the account")
    return option(command)


def selection_options(command: Command) -> Command:
    """FUNCTION…, --tag and --stack."""
    argument = click.argument("functions", nargs=-1, metavar="[FUNCTION]...")
    return group_options(argument(command))


def group_options(command: Command) -> Command:
    """--tag and --stack."""
    for option in (
        click.option("--stack", "stacks", metavar="NAME", multiple=True,
                     help="the functions of this CloudFormation stack, and of those in it"),
        click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True,
                     help="the functions with this tag (repeated: with all of them)"),
    ):  # fmt: skip
        command = option(command)
    return command


def change_options(command: Command) -> Command:
    """--dry-run, --yes, --pace and --no-wait."""
    for option in (
        click.option("--pace", metavar="N", type=click.IntRange(1, 6000),
                     help="functions to change per minute at most [default: all at once]"),
        click.option("--wait/--no-wait", default=True, help="for AWS to apply it [default: wait]"),
        click.option("--yes", "-y", is_flag=True, help="go on without asking"),
        click.option("--dry-run", is_flag=True, help="print what would change, and change nothing"),
    ):  # fmt: skip
        command = option(command)
    return command


def source_options(command: Command) -> Command:
    """--ssm and --appconfig."""
    for option in (
        click.option("--appconfig", metavar="APP/ENV/PROFILE",
                     help="a hosted freeform profile of AppConfig, as deployed there"),
        click.option("--ssm", metavar="NAME", help="a parameter of the Parameter Store"),
    ):  # fmt: skip
        command = option(command)
    return command


class FaultCommand(click.Command):
    """A command whose help shows the faults under headings of their own."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the flags that the help hides, too, once a fault is typed: `--latency-rate`."""
        found = super().shell_complete(ctx, incomplete)
        flags = [s.flag for s in fault_flags.settings() if s.about_fault]
        if any(incomplete.startswith(flag) for flag in flags):
            found += [
                CompletionItem(name, help=parameter.help)
                for parameter in self.get_params(ctx)
                if isinstance(parameter, click.Option) and parameter.hidden
                for name in parameter.opts
                if name.startswith(incomplete)
            ]
        return found

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        headings = {s.parameter: (s.heading, s.about) for s in fault_flags.settings()}
        groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                group = headings.get(parameter.name or "", ("Options", ""))
                groups.setdefault(group, []).append(record)
        for (heading, about), records in groups.items():
            with formatter.section(heading):
                if about:
                    formatter.write_text(about)
                formatter.write_dl(records)
