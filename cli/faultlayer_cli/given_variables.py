"""Variables of a function as users write them: files, NAME=VALUE, and NAME alone.

    a file in dotenv's form   comments, quotes, `export`, values of several lines; no $replacement
    a file in JSON            names and texts, or an answer of AWS's that has them: the whole of
                              get-function-configuration or get-function, or a part of it
    -e TABLE_NAME=orders
    -e AWS_PROFILE       the value that it has around the command, as in `docker run`

This is the only module that imports dotenv.
https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from dotenv.parser import Binding, parse_stream

from faultlayer.jsontext import Repeated
from faultlayer_cli.errors import Mistake
from faultlayer_cli.input_files import label_of, read_json, read_text

_FILE, _ASSIGNMENT = "--env-file", "-e/--function-env"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)  # what Lambda allows
ANY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)  # Lambda's own, such as _HANDLER, too
_NAMED = "a name of letters, digits and underscores that begins with a letter"
_ALLOWED = f"{_NAMED}, then = and any text; or the name alone, for the value that it has here"
_FORMS = 'names and texts, or {"Variables": …} as AWS has it'
_FILES = f"lines of NAME=VALUE as dotenv has them, or JSON of {_FORMS}"
_LARGEST = 1 << 20  # bytes of a file
_SHOWN = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)  # other texts may be a value, a secret one
_YAML = re.compile(r"\s*(---|- |[\w.\"'-]+:(\s|$))")


def of_files(
    files: Sequence[str],
    around: Mapping[str, str],
    *,
    flag: str = _FILE,
    names: re.Pattern[str] = _NAME,
) -> dict[str, str]:
    """The variables of these files; a later file wins. Raises Mistake."""
    found: dict[str, str] = {}
    for name in files:
        text, label = read_text(name, most=_LARGEST, flag=flag), label_of(name, flag)
        if text.lstrip().startswith("{"):
            _take_json(found, label, read_json(text, label), names)
            continue
        if text.lstrip().startswith("["):
            raise Mistake(f"{label} is a list in JSON; allowed: {_FILES}")
        first = True
        for binding in parse_stream(io.StringIO(text, newline=None)):
            line = _line(binding)
            if line is not None:
                if first and binding.value is None and _YAML.match(binding.original.string):
                    raise Mistake(f"{label} looks like YAML; allowed: {_FILES}")
                first = False
                at = f"{label} line {line}"
                key = None if binding.error else binding.key
                _take(found, at, key, binding.value, around, names)
    return found


def of_assignments(texts: Sequence[str], around: Mapping[str, str]) -> dict[str, str]:
    """The variables of these `NAME=VALUE` and `NAME`. Raises Mistake."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        _take(found, _ASSIGNMENT, name, value if equals else None, around)
    return found


def _take_json(
    found: dict[str, str], label: str, given: dict[str, Any], names: re.Pattern[str]
) -> None:
    """Add the variables in a JSON object of names and texts, or in an answer of AWS's."""
    for member in ("Configuration", "Environment", "Variables"):
        inner = given.get(member)
        if isinstance(inner, dict):
            given = inner
        elif member == "Environment" and ("FunctionArn" in given or "FunctionName" in given):
            return  # AWS leaves the member out if a function has no variables
    if isinstance(given.get("Error"), dict):
        raise Mistake(f"{label} has no variables but an error: AWS could not decrypt them")
    if isinstance(given, Repeated):
        raise Mistake(f"{label} has {given.name} more than once")
    for name, value in given.items():
        if not isinstance(value, str):
            raise Mistake(f"{label} has {name}, which is not text; allowed: {_FORMS}")
        if not names.fullmatch(name):
            raise Mistake(f"{label} has {name}, which is not a name; allowed: {_NAMED}")
        _take(found, label, name, value, {}, names)


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
    names: re.Pattern[str] = _NAME,
) -> None:
    """Add one variable. As in Docker, a name alone that has no value here is left out."""
    if value is not None and name is not None and not names.fullmatch(name):
        if not name:
            raise Mistake(f'{label} has no name before "="; allowed: {_ALLOWED}')
        if _SHOWN.fullmatch(name):
            raise Mistake(f'{label} has "{name}", which is not a name; allowed: {_ALLOWED}')
    if name is None or not names.fullmatch(name):
        raise Mistake(f"{label} is not NAME=VALUE; allowed: {_ALLOWED}")
    if value is None:
        value = around.get(name)
    if value is not None and "\0" in value:
        raise Mistake(f"{label} has a NUL in the value of {name}; allowed: any other text")
    if value is not None:
        found[name] = value
