"""The generated head of a fault's page, and the page that a new fault begins with."""

from __future__ import annotations

from collections.abc import Iterator

from faultlayer.faults import all_faults
from faultlayer.vocabulary.registry import Fault, Option
from faultlayer_cli.commands import fault_flags
from faultlayer_cli.reference import tables

PARTS = "fault-"  # a page's part is called fault- and the fault's name


def head(fault: Fault) -> list[str]:
    """The fault's effect, its moment, each option by all of its names, and its log line."""
    lines = [f"**{_sentence(fault.help)}**", ""]
    lines += [_when(fault), ""]
    named = {setting.variable: setting.flag for setting in fault_flags.settings()}
    for variable, option in fault.variables().items():
        lines.append(_option(variable, named[variable], option))
    lines += [
        "",
        "Its line of the [log](../reports.md#the-log) has, besides `fault` and what it hit:",
        "",
    ]
    return lines + [f"- `{name}`: {meaning}." for name, meaning in fault.logged.items()]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _when(fault: Fault) -> str:
    if fault.begin is not None:
        return (
            "It hits the start of an execution environment. "
            "There is no event yet, so it has no match."
        )
    place = [other.name for other in all_faults() if other.begin is None].index(fault.name)
    others = [other.name.upper() for other in all_faults() if other.begin is None]
    before = f"after `{others[place - 1]}`" if place else "first"
    after = f", before `{others[place + 1]}`" if place + 1 < len(others) else ", last of all"
    return f"It hits an invocation. If several faults hit the same one, it acts {before}{after}."


def _option(variable: str, flag: str, option: Option) -> str:
    text = f"- `{variable}` (flag `{flag}`, in a plan `{option.name}`): {option.help}."
    text += f" Allowed: {tables.allowed(option)}."
    default = tables.default_of(option)
    return text + (f" Default: `{default}`." if default else "")


def parts() -> Iterator[tuple[str, Fault]]:
    """The part of every fault's page, by its name."""
    for fault in all_faults():
        yield PARTS + fault.name, fault


def begun(fault: Fault) -> str:
    """A page for a fault that has none: the head, and headings for the part written by hand."""
    part = PARTS + fault.name
    return (
        f"# {fault.name.upper()}\n\n"
        f"<!-- reference:{part}:begin -->\n<!-- reference:{part}:end -->\n\n"
        "## How it acts\n\n## An incident of this kind\n"
    )
