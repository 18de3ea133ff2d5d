"""The reference of the command, as Markdown lines from click's own commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.commands import fault_flags
from faultlayer_cli.main import commands as group
from faultlayer_cli.reference.tables import table

_FAULT_FLAGS = "#fault-flags"


def commands() -> list[str]:
    """Every command: its usage, its help, its options; then the flags of faults, once."""
    lines: list[str] = []
    for command, context in _every():
        lines += _command(command, context)
    return [*lines, *_fault_flags()]


def _every() -> Iterator[tuple[click.Command, click.Context]]:
    above = click.Context(group, info_name="faultlayer")
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        assert command is not None
        yield command, click.Context(command, info_name=name, parent=above)


def _command(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"## faultlayer {context.info_name}", "", "```text", usage, "```", ""]
    lines += _paragraphs(command.help or "")
    lines += ["```sh", *examples(command), "```", ""]
    rows = []
    for parameter in command.params:
        if "--help" in parameter.opts:  # which all have; click adds it once it was used
            continue
        record = parameter.get_help_record(context)
        if record and record[1] and not _of_a_fault(parameter):
            rows.append((f"`{record[0]}`", record[1]))
    if rows:
        lines += [*table(("option", "what it does"), rows), ""]
    if any(map(_of_a_fault, command.params)):
        renamed = "".join(f"; `{ours}` is `{there}` here" for ours, there in _renamed(command))
        lines += [f"And the [flags of faults]({_FAULT_FLAGS}){renamed}.", ""]
    return lines


def examples(command: click.Command) -> list[str]:
    """The commands that its help ends with."""
    found = (command.epilog or "").removeprefix("\b\n").partition(":")[2]
    return [line.strip() for line in found.strip().splitlines()]


def _paragraphs(help: str) -> list[str]:
    """Click's help text: one line for each paragraph."""
    texts = inspect.cleandoc(help).split("\n\n")
    return [line for text in texts for line in (" ".join(text.split()), "")]


def _of_a_fault(parameter: click.Parameter) -> bool:
    return (parameter.name or "").startswith(PREFIX.lower())


def _renamed(command: click.Command) -> Iterator[tuple[str, str]]:
    """The flags that this command calls differently, since it has another of that name."""
    usual = {setting.parameter: setting.flag for setting in fault_flags.settings()}
    for parameter in command.params:
        name = usual.get(parameter.name or "")
        if name and name not in parameter.opts:
            yield name, parameter.opts[0]


def _fault_flags() -> list[str]:
    rows = []
    for setting in fault_flags.settings():
        fault = setting.heading.lower()
        where = f"[{setting.heading}](faults/{fault}.md)" if setting.about_fault else "all faults"
        metavar = "" if setting.is_switch else f" {setting.option.kind.metavar}"
        rows.append((f"`{setting.flag}{metavar}`", f"`{setting.variable}`", where))
    return [
        "## Fault flags",
        "",
        "`local`, `attach` and `explain` take them. A flag stands for an environment variable of "
        "the function, takes the same values, and is checked by the same code. A flag means the "
        "same in all three, and in `arm`.",
        "",
        "Two had another name, which goes on working: `--until` was `--end`, and `--log-only` was "
        "`--dry-run` in `local` and `explain`. In `attach` and `arm`, `--dry-run` changes nothing.",
        "",
        *table(("flag", "variable", "fault"), rows),
    ]
