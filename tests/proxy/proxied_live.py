"""Live plans as tests change them, and the turns that show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fakes.proxied import Address, soon
from fakes.runtime_api import RuntimeApi
from fakes.turns import outcome

FAULT = {"fault": "status", "code": 503, "when": "after"}
ARMED = {"faults": [FAULT]}
DISARMED: dict[str, Any] = {}
POLL = 0.05
PATIENCE = 20.0  # seconds until a change must have shown, on a machine that is busy

Serve = Callable[..., Address]


def status(api: RuntimeApi, address: Address) -> int:
    code: int = outcome(api, address)["statusCode"]
    return code


def becomes(api: RuntimeApi, address: Address, code: int) -> bool:
    """Whether invocations, one after the other, soon end with this status, and go on doing so."""
    if not soon(lambda: status(api, address) == code, PATIENCE):
        return False
    return all(status(api, address) == code for _ in range(3))


def pass_polls(api: RuntimeApi, address: Address, count: int = 5) -> list[int]:
    """Invoke over so many polls, at least once each; return the statuses."""
    found = []
    until = time.monotonic() + count * POLL
    while time.monotonic() < until or len(found) <= count:
        found.append(status(api, address))
        time.sleep(0.005)
    return found
