"""Mask possible secrets in plans and variables before printing.

    a variable, a plan --> options whose kind knows secrets --> the same, with *** in their place

A text that is no plan, such as a password at the place of one, is never printed at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from faultlayer.faults import fault_names, find_fault
from faultlayer.jsontext import dumps, loads, unmarked
from faultlayer.values.kinds import MASK, Kind
from faultlayer.vocabulary.registry import Fault, Option
from faultlayer_cli.plans.state import is_plan
from faultlayer_cli.plans.variables import PLAN

_KEY = "fault"


def shown(option: Option, value: Any) -> str:
    """An option's value as a variable would say it, without secrets."""
    return option.kind.show(option.kind.masked(value))


def masked_variables(texts: Mapping[str, str]) -> dict[str, str]:
    """faultlayer's variables, without secrets."""
    return {name: masked_variable(name, text) for name, text in texts.items()}


def masked_variable(name: str, text: str) -> str:
    """The text of a variable of faultlayer's, without secrets."""
    if name == PLAN and text.strip().startswith("{"):
        try:
            plan = loads(unmarked(text))
        except (ValueError, RecursionError):
            return MASK
        masked = masked_plan(plan)
        return text if masked == plan else dumps(masked)
    kind = _secretive().get(name)
    return text if kind is None or not text.strip() else kind.show(_masked(kind, text))


def masked_plan(document: Any) -> Any:
    """A plan as a JSON value without secrets; None without a plan."""
    return _inner(document) if isinstance(document, dict) and is_plan(dumps(document)) else None


def _inner(value: Any) -> Any:
    if isinstance(value, list):
        return [_inner(each) for each in value]
    if not isinstance(value, dict):
        return value
    masked = {name: _inner(inner) for name, inner in value.items()}
    name = value.get(_KEY)
    fault = find_fault(name) if isinstance(name, str) else None
    secret = {option.name: option for option in _secret_options(fault)} if fault else {}
    if fault and secret:
        known = {_KEY, *(option.name for option in fault.variables().values())}
        # An unknown member may be a secret option, misspelled.
        masked |= dict.fromkeys(masked.keys() - known, MASK)
        for name in masked.keys() & secret.keys():
            masked[name] = _masked(secret[name].kind, value[name])
    return masked


def _masked(kind: Kind, value: Any) -> Any:
    """The value without secrets; nothing of it if it is wrong."""
    try:
        return kind.masked(kind.parse(value))
    except ValueError:
        return MASK


def _secret_options(fault: Fault) -> list[Option]:
    options = (fault.main, *fault.options)
    return [option for option in options if type(option.kind).masked is not Kind.masked]


@cache
def _secretive() -> dict[str, Kind]:
    """Names and kinds of the variables that may hold secrets."""
    found: dict[str, Kind] = {}
    for name in fault_names():
        fault = find_fault(name)
        assert fault is not None
        secret = _secret_options(fault)
        found |= {v: option.kind for v, option in fault.variables().items() if option in secret}
    return found
