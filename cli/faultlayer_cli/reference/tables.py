"""Tables of faults, variables and plan fields, as Markdown lines from the fault registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from faultlayer.faults import all_faults
from faultlayer.vocabulary.registry import COMMON, GLOBALS, PREFIX, Fault, Option

_HEAD = ("variable", "value", "default", "what happens")


def cell(text: str) -> str:
    """Text for a table: a bar would end the cell, even inside code."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return ["| " + " | ".join(map(cell, line)) + " |" for line in lines]


def allowed(option: Option) -> str:
    """The values that an option takes, with an example."""
    default = default_of(option)
    text, example = option.kind.allowed, option.kind.example
    if example and example != default and example not in text:
        text += f", such as `{example}`"
    return text


def default_of(option: Option) -> str:
    return "" if option.default is None else option.kind.show(option.default)


def _row(variable: str, option: Option, help: str) -> tuple[str, ...]:
    default = default_of(option)
    return (f"`{variable}`", allowed(option), default and f"`{default}`", help)


def _fault_rows(fault: Fault) -> Iterator[tuple[str, ...]]:
    for variable, option in fault.variables().items():
        if option is fault.main:
            yield _row(variable, option, f"{fault.help}. Its value: {option.help}")
        elif option not in fault.common:
            yield _row(variable, option, option.help)


def variables() -> list[str]:
    """Every fault with its own options; those that all faults have are in `common`."""
    return table(_HEAD, (row for fault in all_faults() for row in _fault_rows(fault)))


def common() -> list[str]:
    """The options of every fault, then the variables that hold for all faults together."""
    each = [_row(f"{PREFIX}<FAULT>_{o.name.upper()}", o, o.help) for o in COMMON]
    whole = [_row(PREFIX + option.name, option, option.help) for option in GLOBALS]
    return table(_HEAD, each + whole)


def faults(folder: str) -> list[str]:
    """One line for each fault, with a link to its page in this folder; cold starts come last."""
    rows = (
        (f"[`{fault.name.upper()}`]({folder}{fault.name}.md)", example(fault), fault.help)
        for fault in sorted(all_faults(), key=lambda fault: fault.begin is not None)
    )
    return table(("fault", "for example", "what happens"), rows)


def example(fault: Fault) -> str:
    """The variable that switches the fault on, with a value."""
    text = fault.main.kind.example
    quoted = text if text.replace("%", "").isalnum() else f"'{text}'"
    return f"`{PREFIX}{fault.name.upper()}={quoted}`"


def plan() -> list[str]:
    """The fields of a rule of each fault in a plan."""
    rows = []
    for fault in all_faults():
        may = ", ".join(f"`{option.name}`" for option in (*fault.options, *fault.common))
        rows.append((f"`{fault.name}`", f"`{fault.main.name}`", may))
    return table(("`fault`", "must have", "may have"), rows)
