"""The JSON Schema of a plan, for editors: from the fault registry, as the tables of the pages are.

It never refuses a plan that the extension accepts. It refuses wrong names, types and bounds.
Mistakes that only parsing can find, such as a range with its start above its end, are left to the
extension. The draft is 07, which editors know best.
"""

from __future__ import annotations

import json
from typing import Any

from faultlayer.faults import all_faults
from faultlayer.settings.draft import MAX_RULES
from faultlayer.values.hosts import HostList
from faultlayer.values.kinds import (
    LONGEST,
    Choice,
    Duration,
    DurationRange,
    Flag,
    HeaderSet,
    Instant,
    Kind,
    Matching,
    Rate,
    Several,
    Text,
    Whole,
)
from faultlayer.vocabulary.registry import GLOBALS, PLANNED, Fault, Option

Schema = dict[str, Any]

_NUMBER = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_DURATION = rf"\s*{_NUMBER}\s*(ms|s|m)?\s*"
_SCALAR = ["string", "number", "boolean", "null"]
_PROBES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("number", (1, 1 << 20)),  # a size takes no small number
    ("boolean", (True,)),
    ("array", (["a"],)),
)


def _any_case(*words: str) -> str:
    """A pattern of these words in any case, since editors' patterns know no flags."""
    spelled = ("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in w) for w in words)
    return rf"^\s*({'|'.join(spelled)})\s*$"


def _match() -> Schema:
    operators: Schema = {
        "equals": {"type": _SCALAR},
        "prefix": {"type": "string", "minLength": 1},
        "regex": {"type": "string", "minLength": 1},
        "exists": {"type": "boolean"},
        "in": {"type": "array", "items": {"type": _SCALAR}, "minItems": 1},
        "as": {"const": "text"},
    }
    condition = {
        "type": [*_SCALAR, "object"],
        "properties": operators,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {
        "type": ["object", "string"],
        "additionalProperties": condition,
        "propertyNames": {"minLength": 1},
        "minProperties": 1,
        "minLength": 1,
    }


def _headers(kind: HeaderSet) -> Schema:
    types = ["string", "number", "null"] if kind.remove else ["string", "number"]
    return {
        "type": ["object", "string"],
        "additionalProperties": {"type": types},
        "propertyNames": {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
        "minProperties": 1,
    }


def _guessed(kind: Kind) -> Schema:
    """The types that a kind of a fault's own takes, found by asking it."""
    types = ["string"]
    for name, values in _PROBES:
        if any(_takes(kind, value) for value in values):
            types.append(name)
    try:
        example = json.loads(kind.example)
    except ValueError:
        example = None
    members: Schema = {}
    if _takes(kind, example if isinstance(example, dict) else {"a": "b"}):
        types.append("object")
        if not _takes(kind, {}):
            members["minProperties"] = 1
        if not _takes(kind, {"": "b"}):
            members["propertyNames"] = {"minLength": 1}
    return {"type": types if len(types) > 1 else "string", **members}


def _takes(kind: Kind, value: Any) -> bool:
    try:
        kind.parse(value)
    except ValueError:
        return False
    return True


def of_kind(kind: Kind) -> Schema:
    """The schema of a plan's field of this kind."""
    number = {"type": ["string", "number"], "minimum": 0}
    longest = {**number, "maximum": LONGEST * 1000}
    if isinstance(kind, Duration):
        return {**longest, "pattern": f"^{_DURATION}$"}
    if isinstance(kind, DurationRange):
        return {**longest, "pattern": rf"^{_DURATION}(\.\.{_DURATION})?$"}
    if isinstance(kind, Rate):
        return {**number, "maximum": 1, "pattern": rf"^\s*{_NUMBER}\s*%?\s*$"}
    if isinstance(kind, Whole):
        bounds = {"minimum": kind.low, "maximum": kind.high}
        return {"type": ["integer", "string"], **bounds, "pattern": r"^\s*[0-9]{1,18}\s*$"}
    if isinstance(kind, Choice):
        return {"type": "string", "anyOf": [{"enum": [*kind.words]}, _words(*kind.words)]}
    if isinstance(kind, Several):
        word = {"type": "string", **_words(*kind.words)}
        listed = {"pattern": _several(*kind.words)}
        return {"type": ["string", "array"], "items": word, "minItems": 1, **listed}
    if isinstance(kind, Flag):
        words = _any_case("true", "false", "yes", "no", "on", "off", "1", "0")
        return {"type": ["boolean", "string"], "pattern": words}
    if isinstance(kind, Instant):
        return {"type": "string", "pattern": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.,]+[Zz+-]"}
    if isinstance(kind, Matching):
        return _match()
    if isinstance(kind, HeaderSet):
        return _headers(kind)
    if isinstance(kind, HostList):
        entry = {"type": "string", "pattern": r"\S"}
        return {"type": ["string", "array"], "items": entry, "minItems": 1, "minLength": 1}
    if isinstance(kind, Text):
        empty: Schema = {} if kind.empty else {"pattern": r"\S"}
        return {"type": ["string", "integer"] if kind.number else "string", **empty}
    return _guessed(kind)


def _several(*words: str) -> str:
    """A pattern of a list of these words."""
    one = _any_case(*words).strip("^$")
    return f"^{one}(,{one})*$"


def _words(*words: str) -> Schema:
    return {"pattern": _any_case(*words)}


def _described(option: Option) -> Schema:
    text = f"{option.help.replace('`', '')}: {option.kind.allowed.replace('`', '')}"
    schema = {"description": text, **of_kind(option.kind)}
    if option.default is not None:
        schema["default"] = option.kind.show(option.default)
    return schema


def _rule(fault: Fault) -> Schema:
    properties = {option.name: _described(option) for option in fault.variables().values()}
    return {
        "type": "object",
        "description": fault.help,
        "properties": {"fault": {"const": fault.name}, **properties},
        "required": ["fault", fault.main.name],
        "additionalProperties": False,
    }


def schema() -> Schema:
    """The schema of a plan."""
    faults = all_faults()
    by_name = [
        {
            "if": {"properties": {"fault": {"const": fault.name}}, "required": ["fault"]},
            "then": {"$ref": f"#/definitions/{fault.name}"},
        }
        for fault in faults
    ]
    rule = {
        "type": "object",
        "properties": {
            "fault": {"enum": [fault.name for fault in faults], "description": "what happens"}
        },
        "required": ["fault"],
        "allOf": by_name,
    }
    named = {option.name: option for option in GLOBALS}
    common = {name.lower(): _described(named[name]) for name in PLANNED}
    rules = {
        "type": "array",
        "description": "the rules, several of one fault if needed",
        "items": rule,
        "maxItems": MAX_RULES,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "faultlayer plan",
        "description": "what FAULTLAYER_PLAN holds, and what --plan takes",
        "type": "object",
        "properties": {"$schema": {}, "faults": rules, **common},
        "additionalProperties": False,
        "definitions": {fault.name: _rule(fault) for fault in faults},
    }


def page() -> str:
    """The text of docs/plan.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
