"""Join the lines of a log that belong together: a JSON value that was indented over several lines.

    lines --> pieces: a line, or a whole JSON value with the text before it

A value that does not end, or is no JSON, is given back line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE_END = re.compile(r"\r\n|\n|\r")
_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]')  # strings are taken as a whole
_CONTINUES = re.compile(r'\s*(?:["{}\[\]]|-?\d[\d.eE+-]*,?\s*$|(?:true|false|null),?\s*$)')
_DECODER = json.JSONDecoder()


def split(text: str) -> list[str]:
    """Split a text into lines. Only line feeds and carriage returns end a line."""
    return _LINE_END.split(text)


def pieces(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each piece with the number of its first line."""
    held: list[str] = []  # the lines of a value that has not ended
    joined: list[str] = []  # the same, without the text before each of them
    first = depth = begin = 0
    for number, raw in enumerate(lines, 1):
        line = _COLOUR.sub("", raw) if "\x1b" in raw else raw
        line = line.strip("\ufeff\r\n")
        if held:
            more = line.removeprefix(held[0][:begin])
            if _CONTINUES.match(more):
                held.append(line)
                joined.append(more)
                depth += _balance(more)
                if depth > 0:
                    continue
                yield from _ended(first, held, "\n".join(joined), begin)
                held = []
                continue
            yield from enumerate(held, first)
            held = []
        begin, depth = _opening(line)
        if depth:
            first, held, joined = number, [line], [line]
        else:
            yield number, line
    yield from enumerate(held, first)


def _opening(line: str) -> tuple[int, int]:
    """Find the first bracket that the line leaves open, and how many it leaves open."""
    if not line.rstrip().endswith(("{", "[", ",")):
        return 0, 0
    opened: list[int] = []
    for found in _BRACKET.finditer(line):
        if found[0] in ("{", "["):
            opened.append(found.start())
        elif found[0] in ("}", "]") and opened:
            opened.pop()
    if not opened:
        return 0, 0
    rest = line[opened[0] + 1 :].lstrip()
    return (opened[0], len(opened)) if not rest or rest[0] in '"{[' else (0, 0)


def _balance(line: str) -> int:
    found = [one[0] for one in _BRACKET.finditer(line)]
    return sum(one in ("{", "[") for one in found) - sum(one in ("}", "]") for one in found)


def _ended(first: int, held: list[str], value: str, begin: int) -> Iterator[tuple[int, str]]:
    """Yield the value if it is JSON, else its lines."""
    try:
        _DECODER.raw_decode(value, begin)
    except (ValueError, RecursionError):
        yield from enumerate(held, first)
    else:
        yield first, value
