"""Other tools' documents as tests ask for them."""

from __future__ import annotations

import json
from typing import Any

from faultlayer.settings import plan
from faultlayer.settings.configuration import Configuration
from faultlayer.settings.draft import Plan


def read(document: Any) -> Plan:
    return plan.read(document if isinstance(document, str) else json.dumps(document))


def rules(found: Plan | Configuration) -> dict[str, dict[str, Any]]:
    """Each fault's options without those that are unset."""
    return {
        fault.name: {name: value for name, value in values.items() if value is not None}
        for fault, values in found.drafts
        if values is not None
    }


def one(name: str, **attributes: Any) -> dict[str, Any]:
    """What this flag alone says, switched on."""
    found = read({name: {"enabled": True, **attributes}})
    assert not found.problems, found.problems[0].said()
    ((_, values),) = rules(found).items()
    return values


def wrong(document: Any) -> list[tuple[str, str]]:
    found = read(document)
    assert not found.stopped
    return [(problem.field, problem.said()) for problem in found.problems]


CHAOS = "CHAOS_EXTENSION__"
DELAY = CHAOS + "LAMBDA__ENABLE_LATENCY"
