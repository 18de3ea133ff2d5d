"""Variables that users give to a function: files in dotenv's form, NAME=VALUE, and NAME alone.

    --env-file .env      comments, quotes, `export`, values of several lines; no $replacement
    -e TABLE_NAME=orders
    -e AWS_PROFILE       the value that it has around the command, as in `docker run`

This is the only module that imports dotenv.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

from dotenv.parser import Binding, parse_stream

from faultlayer_cli.errors import Mistake
from faultlayer_cli.input_files import label_of, read_text

_FILE, _ASSIGNMENT = "--env-file", "--function-env"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)  # what Lambda allows
_ALLOWED = (
    "a name of letters, digits and underscores that begins with a letter, then = and any text; or "
    "the name alone, for the value that it has here"
)
_LARGEST = 1 << 20  # bytes of a file


def of_files(names: Sequence[str], around: Mapping[str, str]) -> dict[str, str]:
    """The variables of these files; what a later one says counts. Raises Mistake."""
    found: dict[str, str] = {}
    for name in names:
        text = read_text(name, most=_LARGEST, flag=_FILE)
        for binding in parse_stream(io.StringIO(text, newline=None)):
            line = _line(binding)
            if line is not None:
                label = f"{label_of(name, _FILE)} line {line}"
                _take(found, label, binding.key, binding.value, around, error=binding.error)
    return found


def of_assignments(texts: Sequence[str], around: Mapping[str, str]) -> dict[str, str]:
    """The variables of these `NAME=VALUE` and `NAME`. Raises Mistake."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        _take(found, _ASSIGNMENT, name, value if equals else None, around)
    return found


def _line(binding: Binding) -> int | None:
    """The number of the line with the variable; None for comments and blank lines."""
    text = binding.original.string
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    return int(binding.original.line) + text[: len(text) - len(text.lstrip())].count("\n")


def _take(
    found: dict[str, str],
    label: str,
    name: str | None,
    value: str | None,
    around: Mapping[str, str],
    *,
    error: bool = False,
) -> None:
    """Add one variable. As in Docker, a name alone that has no value here is left out."""
    if error or name is None or not _NAME.fullmatch(name):
        raise Mistake(f"{label} is not NAME=VALUE; allowed: {_ALLOWED}")
    if value is None:
        value = around.get(name)
    if value is not None and "\0" in value:
        raise Mistake(f"{label} has a NUL in the value of {name}; allowed: any other text")
    if value is not None:
        found[name] = value
