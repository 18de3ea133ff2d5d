"""What is generated of README.md, docs/iam.md and docs/plan.schema.json: `--write` or `--check` it.

`python -m faultlayer_cli.reference --check README.md` exits 0 where the tables are what the
code says, 1 with a diff where not, 2 where the page lacks the markers. It changes nothing
between other lines than the markers; a page in JSON is the schema of a plan, all of it.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

from faultlayer.registry import COMMON, GLOBALS, PREFIX, Fault, Option, all_faults
from faultlayer_cli.aws import permissions
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.reference import schema
from faultlayer_cli.terminal import say

_HEAD = ("variable", "value", "default", "what happens")


def cell(text: str) -> str:
    """Text within a table: a bar there would end the cell, even inside code."""
    return text.replace("|", "\\|").replace("\n", " ")


def row(variable: str, option: Option, help: str) -> str:
    default = "" if option.default is None else option.kind.show(option.default)
    allowed, example = option.kind.allowed, option.kind.example
    if example and example != default and example not in allowed:
        allowed += f", such as `{example}`"
    cells = (f"`{variable}`", allowed, default and f"`{default}`", help)
    return "| " + " | ".join(map(cell, cells)) + " |"


def table(rows: Iterator[str]) -> list[str]:
    head = "| " + " | ".join(_HEAD) + " |"
    rule = "| " + " | ".join("---" for _ in _HEAD) + " |"
    return [head, rule, *rows]


def fault_rows(fault: Fault) -> Iterator[str]:
    for variable, option in fault.variables().items():
        if option is fault.main:
            yield row(variable, option, f"{fault.help}. Its value: {option.help}")
        elif option not in fault.common:
            yield row(variable, option, option.help)


def faults() -> list[str]:
    """Every fault with its own options; what all of them have comes once, in the other table."""
    return table(line for fault in all_faults() for line in fault_rows(fault))


def common() -> list[str]:
    """What every fault has, then what holds for all of them together."""
    each = [row(f"{PREFIX}<FAULT>_{o.name.upper()}", o, o.help) for o in COMMON]
    whole = [row(PREFIX + option.name, option, option.help) for option in GLOBALS]
    return table(iter(each + whole))


def plan() -> list[str]:
    """What a rule of each fault is called in a plan."""
    lines = ["| `fault` | must have | may have |", "| --- | --- | --- |"]
    for fault in all_faults():
        shared = ", ".join(f"`{option.name}`" for option in fault.common)
        own = "".join(f"`{option.name}`, " for option in fault.options)
        lines.append(f"| `{fault.name}` | `{fault.main.name}` | {own}{shared} |")
    return lines


def render(page: str) -> str:
    """The page with its tables as the code has them: the README's, or those of docs/iam.md."""
    parts = {"faults": faults, "globals": common, "plan": plan}
    if "<!-- reference:iam:" in page:
        parts = {"iam": permissions.page}
    for name, lines in parts.items():
        begin, end = f"<!-- reference:{name}:begin -->", f"<!-- reference:{name}:end -->"
        if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
            raise Mistake(f"the page needs the lines {begin} and {end}, each once, in this order")
        before, _, rest = page.partition(begin)
        after = rest.partition(end)[2]
        page = "\n".join([before + begin, *lines(), end + after])
    return page


def run(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="faultlayer_cli.reference", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true")
    action.add_argument("--write", action="store_true")
    parser.add_argument("page", type=Path)
    options = parser.parse_args(arguments)
    path: Path = options.page
    whole = path.suffix == ".json"
    try:
        found = "" if whole and not path.exists() else path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None
    wanted = schema.page() if whole else render(found)
    if wanted == found:
        return 0
    if options.write:
        path.write_text(wanted, encoding="utf-8")
        say(f"{path}: written")
        return 0
    lines = found.splitlines(keepends=True), wanted.splitlines(keepends=True)
    sys.stdout.writelines(difflib.unified_diff(*lines, str(path), "the code"))
    say(f"{path} does not say what the code says: make docs writes it")
    return 1


def main() -> int:
    try:
        return run()
    except Failure as error:
        say(str(error))
        return error.code
