"""Dotted paths into an event: read from text, and followed.

A backslash escapes `.`, `,`, `=` and itself. Names below `headers` are found in any case, as HTTP
has it. No message repeats a path.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MISSING: Any = object()  # found if there is nothing at a path
_LONGEST_PATH = 512
_DEEPEST = 32
_LONGEST_INDEX = 9  # digits
HEADERS = frozenset(("headers", "multiValueHeaders"))  # names there have no case
_ESCAPED = frozenset("\\.,=")


def look(value: Any, path: tuple[str, ...]) -> Any:
    """The value at this path of a JSON value; MISSING if there is none."""
    in_headers = False
    for part in path:
        if isinstance(value, dict):
            key: str | None = part
            if part not in value and in_headers:
                name = part.lower()
                key = next((key for key in value if key.lower() == name), None)
            value = MISSING if key is None else value.get(key, MISSING)
            in_headers = part in HEADERS
        elif isinstance(value, list) and part.isascii() and part.isdigit():
            index = int(part) if len(part) <= _LONGEST_INDEX else len(value)
            value = value[index] if index < len(value) else MISSING
            in_headers = False
        else:
            return MISSING
    return value


def parts_of(written: str) -> tuple[str, ...]:
    """The parts of a path as it is written; raises ValueError if it is none."""
    if len(written) > _LONGEST_PATH:
        raise ValueError(f"the path is longer than {_LONGEST_PATH} characters")
    path = tuple(map(unescaped, split(written, ".")))
    if not all(path):
        raise ValueError("the path has an empty part")
    if len(path) > _DEEPEST:
        raise ValueError(f"the path has more than {_DEEPEST} parts")
    return path


def split(text: str, mark: str, most: int = -1) -> list[str]:
    """The parts between the marks that no backslash escapes, at most so many marks."""
    parts: list[str] = []
    start = at = 0
    while at < len(text) and len(parts) != most:
        if text[at] == "\\":
            at += 1
        elif text[at] == mark:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def unescaped(text: str) -> str:
    """The text without the backslashes that escape a mark or a backslash."""
    kept = []
    characters = iter(text)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            kept.append(escaped if escaped in _ESCAPED else character + escaped)
        else:
            kept.append(character)
    return "".join(kept)
