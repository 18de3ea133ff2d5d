"""The faults of the soak, and which of them hit an invocation.

The expectation follows from the seed in the documented way, written a second time here, never by
asking the code under test. A new fault needs an entry in RULES, and in `expect` if it shows in an
event or an answer.
"""

from __future__ import annotations

import hashlib
from typing import Any

from soak.cases import BATCH, GET_ONLY, Case

LONGEST = 30.0  # seconds until an invocation's deadline
BEFORE, AFTER = "before", "after"

# As in a plan, in the order in which faults are applied. Rules of one fault draw for themselves.
RULES: list[dict[str, Any]] = [
    {"fault": "latency", "delay": "1ms..20ms", "rate": 0.02},
    {"fault": "latency", "delay": "5ms", "rate": 0.01, "when": AFTER},
    {"fault": "latency", "delay": "2ms", "rate": 0.05, "match": GET_ONLY},
    {"fault": "timeout", "margin": "29s", "rate": 0.0003},
    {"fault": "event", "changes": {"p": None, "damaged": {"by": ["soak", 1]}}, "rate": 0.02},
    {"fault": "duplicate", "times": 2, "rate": 0.02},
    {"fault": "duplicate", "times": 3, "rate": 0.005},
    {"fault": "exception", "message": "Soak.Before: planned", "rate": 0.01},
    {"fault": "exception", "message": "Soak.After: planned", "rate": 0.01, "when": AFTER},
    {"fault": "status", "code": 503, "body": "try later", "rate": 0.01},
    {"fault": "status", "code": 429, "body": "slow down", "rate": 0.01, "when": AFTER},
    {"fault": "corruption", "mode": "truncate", "rate": 0.01},
    {"fault": "corruption", "mode": "garble", "rate": 0.01},
    {"fault": "corruption", "mode": "replace", "body": "the soak was here", "rate": 0.01},
    {"fault": "headers", "headers": {"x-soak": "set", "content-type": None}, "rate": 0.02},
    {"fault": "batch", "share": 0.3, "rate": 0.1},
    {"fault": "oversize", "size": "32KB", "rate": 0.01},
]
PADDED = 32 << 10


def plan(seed: str) -> dict[str, Any]:
    """The plan for FAULTLAYER_PLAN."""
    return {"seed": seed, "faults": RULES}


class Hit:
    """A rule that hits, and its drawn number in [0, 1)."""

    __slots__ = ("how", "name", "rule")

    def __init__(self, rule: dict[str, Any], how: float) -> None:
        self.rule = rule
        self.name: str = rule["fault"]
        self.how = how

    @property
    def before(self) -> bool:
        return bool(self.rule.get("when", BEFORE) == BEFORE)


class Draws:
    """The rules that hit an invocation, by seed, rule and request id."""

    def __init__(self, seed: str, rules: list[dict[str, Any]] = RULES) -> None:
        self._lots: list[tuple[bytes, float, dict[str, Any]]] = []
        seen: dict[str, int] = {}
        for rule in rules:
            name = rule["fault"]
            seen[name] = seen.get(name, 0) + 1
            lot = name if seen[name] == 1 else f"{name}#{seen[name]}"
            said = seed.encode()
            self._lots.append((b"%d:%b%b:" % (len(said), said, lot.encode()), rule["rate"], rule))

    def hits(self, case: Case) -> list[Hit]:
        found = []
        for lot, rate, rule in self._lots:
            digest = hashlib.sha256(lot + case.id).digest()
            if (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53 >= rate:
                continue
            if "match" in rule and not case.is_get:
                continue
            if rule["fault"] == "batch" and case.kind != BATCH:
                continue
            found.append(Hit(rule, (int.from_bytes(digest[8:16], "big") >> 11) * 2.0**-53))
        return found
