"""Every injection of this process is settled, and exactly once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

EXTENSION = str(Path(__file__).resolve().parents[2] / "extension")
if EXTENSION not in sys.path:
    sys.path.insert(0, EXTENSION)

from fakes.proxied import soon, started  # noqa: E402
from faultlayer.targeting import injection  # noqa: E402
from faultlayer.targeting.injection import Injection  # noqa: E402


class Injections:
    """Those made since the test began; those settled again; fields that no page documents."""

    def __init__(self) -> None:
        self.made: list[Injection] = []
        self.again: list[str] = []
        self.undocumented: list[str] = []

    def open(self) -> list[str]:
        return [named(one) for one in list(self.made) if one.is_open]


def named(one: Injection) -> str:
    return f"{one.rule.fault.name} of {one.request_id}"


@pytest.fixture
def injections(monkeypatch: pytest.MonkeyPatch) -> Iterator[Injections]:
    """Check all injections of a test: each settled once, its fields documented.

    A reason that is logged once in each environment is logged again in each test.
    """
    found = Injections()
    monkeypatch.setattr(injection, "_logged", set())
    begin, happened = Injection.__init__, Injection.happened

    def made(self: Injection, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        found.made.append(self)

    def again(one: Injection) -> None:
        found.again.append(named(one))
        raise AssertionError(f"settled a second time: {named(one)}")

    def documented(self: Injection, **numbers: Any) -> None:
        fault = self.rule.fault
        if fault.logged:  # none of a test's own
            known = fault.logged.keys()
            found.undocumented += [
                f"{name} of {fault.name}"
                for name in {**self.action.numbers, **numbers}
                if name not in known
            ]
        happened(self, **numbers)

    monkeypatch.setattr(Injection, "__init__", made)
    monkeypatch.setattr(Injection, "happened", documented)
    monkeypatch.setattr(injection, "settled_again", again)
    yield found
    assert not found.again
    assert not found.undocumented, "fields of log lines"


@pytest.fixture
def settled(injections: Injections) -> Iterator[None]:
    """When the environment ends, as it does in Lambda at SHUTDOWN, no injection may be open."""
    yield

    def all_settled() -> bool:
        for proxy in started:
            proxy.end()
        return not injections.open()

    assert soon(all_settled, 20), injections.open()[:5]
    started.clear()
