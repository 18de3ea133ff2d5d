"""Generated parts of pages, between markers: written, or compared."""

from __future__ import annotations

import argparse
import difflib
import functools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from faultlayer.faults import all_faults
from faultlayer_cli.aws import permissions
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.layers import checkout
from faultlayer_cli.reference import command_pages, fault_pages, room_pages, schema, tables
from faultlayer_cli.terminal import put, say

_MARKER = re.compile(r"^<!-- reference:([\w-]+):(begin|end) -->$", re.MULTILINE)


def parts(root: Path) -> dict[str, Callable[[], list[str]]]:
    """The lines of every part, by the name that the markers have."""
    found: dict[str, Callable[[], list[str]]] = {
        "faults": functools.partial(tables.faults, "docs/faults/"),
        "fault-index": functools.partial(tables.faults, ""),
        "variables": tables.variables,
        "globals": tables.common,
        "plan": tables.plan,
        "commands": command_pages.commands,
        "iam": permissions.page,
        "rooms-extension": functools.partial(room_pages.rooms, root, "faultlayer"),
        "rooms-command": functools.partial(room_pages.rooms, root, "faultlayer_cli"),
    }
    for name, fault in fault_pages.parts():
        found[name] = functools.partial(fault_pages.head, fault)
    return found


def render(page: str, root: Path) -> str:
    """The page with its parts as the code has them."""
    made = parts(root)
    lines: list[str] = []
    inside = ""
    seen = set()
    for line in page.split("\n"):
        marker = _MARKER.fullmatch(line)
        if marker is None:
            lines += [] if inside else [line]
            continue
        name, end = marker[1], marker[2] == "end"
        if name not in made:
            raise Mistake(f"no part is called {name}; there are {', '.join(made)}")
        if (inside != name) if end else (bool(inside) or name in seen):
            raise Mistake(f"the markers of {name} must stand once, begin before end")
        seen.add(name)
        lines += [line] if end else [line, *made[name]()]
        inside = "" if end else name
    if inside:
        raise Mistake(f"the end of {inside} is missing")
    if not seen:
        raise Mistake("no part is asked for: <!-- reference:NAME:begin --> and :end -->")
    return "\n".join(lines)


def generated(root: Path) -> Iterator[tuple[Path, str]]:
    """Every page and file with generated parts, and its right text."""
    docs = root / "docs"
    yield docs / "plan.schema.json", schema.page()
    yield docs / "contributing" / "rooms.svg", room_pages.picture(root)
    for fault in all_faults():
        path = docs / "faults" / f"{fault.name}.md"
        if not path.exists():
            yield path, render(fault_pages.begun(fault), root)
    for path in [root / "README.md", *sorted(docs.rglob("*.md"))]:
        text = _read(path)
        if _MARKER.search(text):
            try:
                yield path, render(text, root)
            except Mistake as mistake:
                raise Mistake(f"{path}: {mistake}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None


def write(root: Path) -> list[Path]:
    """Write the files that differ; returns them."""
    changed = []
    for path, wanted in generated(root):
        if not path.exists() or _read(path) != wanted:
            path.write_text(wanted, encoding="utf-8")
            changed.append(path)
    return changed


def differences(root: Path) -> list[str]:
    """The lines that differ from the code's, as a unified diff."""
    found: list[str] = []
    for path, wanted in generated(root):
        there = _read(path) if path.exists() else ""
        lines = there.splitlines(), wanted.splitlines()
        name = str(path.relative_to(root))
        found += difflib.unified_diff(*lines, name, "the code", lineterm="")
    return found


def run(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m faultlayer_cli.reference")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="compare; exit code 1 if they differ")
    action.add_argument("--write", action="store_true", help="write the parts that differ")
    parser.add_argument("--root", type=Path, help="the checkout [default: this one]")
    options = parser.parse_args(arguments)
    root = options.root or checkout.root()
    if root is None:
        raise Failure("the pages are in a checkout: git clone the repository")
    if options.write:
        for path in write(root):
            say(f"{path}: written")
        return 0
    found = differences(root)
    put(*found)
    if found:
        say("the pages do not say what the code says: make docs writes them")
    return 1 if found else 0


def main() -> int:
    try:
        return run()
    except Failure as error:
        say(str(error))
        return error.code


if __name__ == "__main__":
    sys.exit(main())
