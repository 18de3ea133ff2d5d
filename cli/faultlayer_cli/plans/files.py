"""Plans in YAML or JSON files, judged by the extension's own reader.

The extension reads the same values as the file has: dates, `yes` and 1:30 of YAML stay text.
This is the only module that imports PyYAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from faultlayer.jsontext import Repeated, dumps, loads_careful, loads_or_why
from faultlayer.settings import plan as reader
from faultlayer.settings.draft import MAX_SIZE
from faultlayer_cli.errors import Mistake
from faultlayer_cli.input_files import label_of, read_text

_MOST_NODES = 100_000  # a node counts once for each alias that refers to it
_TAG = "tag:yaml.org,2002:"
_SCHEMA = "$schema"


@dataclass(frozen=True)
class PlanFile:
    """A plan without mistakes: its JSON value, and the fault of each rule in order."""

    document: dict[str, Any]
    faults: tuple[str, ...]

    def compact(self) -> str:
        """The text of FAULTLAYER_PLAN."""
        return dumps({name: value for name, value in self.document.items() if name != _SCHEMA})


def load(path: str) -> PlanFile:
    """Load the plan in a file, or in standard input (-). Raises Mistake, a line per problem."""
    text = read_text(path, most=MAX_SIZE, allowed="; allowed: a plan's file")
    return loads(text, label_of(path))


def loads(text: str, name: str) -> PlanFile:
    """Load the plan in a text; `name` stands before each problem. Raises Mistake."""
    try:
        document = _json(text) if name.endswith(".json") else _document(text)
        found = reader.read(document if isinstance(document, dict) else "[]")
    except _Wrong as wrong:
        raise Mistake(f"{name}: {wrong}") from None
    except RecursionError:
        raise Mistake(f"{name}: is nested too deeply") from None
    if found.problems:
        lines = (f"{name}: {problem.field} {problem.message}" for problem in found.problems)
        raise Mistake("\n".join(line.replace(":  ", ": ") for line in lines))
    return PlanFile(document, tuple(fault.name for fault, _ in found.drafts))


class _Wrong(Exception):
    """The text is neither YAML nor JSON that a plan could be."""


def _json(text: str) -> Any:
    try:
        return loads_or_why(text)
    except ValueError as error:
        raise _Wrong(str(error)) from None


def _document(text: str) -> Any:
    """Read YAML. JSON is tried first: PyYAML reads some JSON texts as something else."""
    if text.lstrip().startswith("{"):
        try:
            return loads_careful(text)
        except ValueError:
            pass
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        if text.lstrip()[1:].lstrip().startswith('"'):  # JSON with a mistake, most likely
            return _json(text)
        raise _Wrong(
            f"is not one YAML document: {_place(error.problem_mark)}: {error.problem}"
        ) from None
    except yaml.YAMLError:
        raise _Wrong("has a character that YAML does not allow") from None
    return None if node is None else _Values().of(node)


def _place(mark: yaml.Mark | None) -> str:
    """The line and the column of a mistake."""
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "its place is not known"


class _Loader(yaml.SafeLoader):
    """Reads scalars by YAML 1.2's JSON schema; all others, such as times, are text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012


for _name, _pattern in (
    ("null", r"~|null|Null|NULL|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
):
    _whole = re.compile(rf"^(?:{_pattern})$", re.ASCII)
    _Loader.add_implicit_resolver(_TAG + _name, _whole, None)


class _Values:
    """Makes JSON values of YAML nodes; an object with a repeated key becomes a `Repeated`."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, node: yaml.Node) -> Any:
        self._count += 1
        if self._count > _MOST_NODES:
            raise _Wrong("is too large, or refers to itself")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._object(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.of(each) for each in node.value]
        kind = node.tag.removeprefix(_TAG) if isinstance(node, yaml.ScalarNode) else ""
        try:
            return _SCALARS[kind](node.value)
        except (KeyError, ValueError):
            place = _place(node.start_mark)
            raise _Wrong(f"has a value that JSON does not have: {place}") from None

    def _object(self, node: yaml.MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        repeated = ""
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Wrong(f"has a key that is no text: {_place(key.start_mark)}")
            if key.value in found:
                repeated = repeated or key.value
            found[key.value] = self.of(value)
        if repeated:
            found = Repeated(found)
            found.name = repeated
        return found


_SCALARS: dict[str, Any] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
    "str": str,
}
