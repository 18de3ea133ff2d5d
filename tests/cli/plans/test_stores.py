"""Disarming a store, whatever is found there."""

from __future__ import annotations

import pytest

from faultlayer_cli.aws.account import Refused
from faultlayer_cli.plans.place import SSM, Found, Place
from faultlayer_cli.plans.state import DISARMED
from faultlayer_cli.plans.stores import DisarmOutcome, disarm

PLACE = Place(SSM, "/chaos/orders")
ARMED = '{"faults":[{"fault":"status","code":503}]}'


class Kept:
    """A store in memory."""

    delay = "at once"

    def __init__(self, found: Found | Refused) -> None:
        self.place = PLACE
        self.found = found
        self.written: list[tuple[str, bool]] = []

    def read(self) -> Found:
        if isinstance(self.found, Refused):
            raise self.found
        return self.found

    def check(self, text: str, *, advanced: bool) -> None:
        raise AssertionError

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        self.written.append((text, urgent))

    def read_by(self, function: object) -> bool:
        raise AssertionError


@pytest.mark.parametrize("text", [ARMED, "nonsense", '{"faults":[]}', ""])
def test_whatever_is_there_is_replaced_at_once(text: str) -> None:
    store = Kept(Found(text))
    assert disarm(store).outcome is DisarmOutcome.DISARMED
    assert store.written == [(DISARMED, True)]


def test_also_what_cannot_be_read_and_that_is_said() -> None:
    store = Kept(Refused("AccessDenied"))
    result = disarm(store)
    assert result.outcome is DisarmOutcome.DISARMED
    assert "could not be read: AccessDenied" in result.reason
    assert store.written == [(DISARMED, True)]


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (Found(None, "no deployment yet"), DisarmOutcome.ABSENT),
        (Found(DISARMED, "as it was"), DisarmOutcome.UNCHANGED),
    ],
)
def test_nothing_is_written_where_nothing_is_armed(found: Found, outcome: DisarmOutcome) -> None:
    store = Kept(found)
    result = disarm(store)
    assert (result.outcome, result.reason, store.written) == (outcome, found.note, [])
