"""Arming a live plan: ready first, and written only then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faultlayer_cli.aws.account import Refused
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.plans.arming import json_value, prepare
from faultlayer_cli.plans.expiry import Ending
from faultlayer_cli.plans.place import SSM, Found, Place
from faultlayer_cli.plans.state import DISARMED, PlanState

PLAN = '{"faults":[{"fault":"status","code":503}]}'


class Kept:
    """A store in memory, and the account that it is in."""

    delay = "at once"
    region = "eu-west-1"

    def __init__(self, text: str | None = None, readers: Any = ()) -> None:
        self.place = Place(SSM, "/chaos/orders")
        self.text = text
        self._readers = readers
        self.interrupted = False

    def read(self) -> Found:
        return Found(self.text)

    def check(self, text: str, *, advanced: bool) -> None:
        if len(text) > 200:
            raise Failure("too long")

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.text = text

    def read_by(self, function: Any) -> bool:
        return True

    def all_versions(self) -> Any:
        if isinstance(self._readers, Refused):
            raise self._readers
        return self._readers


def ready(store: Any, text: str = PLAN, *, forever: bool = False) -> Any:
    ending = Ending(None if forever else "1h", None, forever, {})
    return prepare(store, store, text, ending, name="plan.json")


def test_nothing_is_written_before_that_is_asked_for() -> None:
    store = Kept()
    arming = ready(store)
    assert store.text is None
    assert (arming.before, arming.changes, arming.replaces_armed) == (None, True, False)
    assert (arming.state, bool(arming.end), arming.readers) == (PlanState.ARMED, True, [])
    arming.write()
    assert store.text == arming.text
    assert json.loads(arming.text)["faults"] == json.loads(PLAN)["faults"]


@pytest.mark.parametrize(("before", "armed"), [(PLAN, True), (DISARMED, False), ("nonsense", True)])
def test_what_is_replaced_is_known(before: str, armed: bool) -> None:
    assert ready(Kept(before)).replaces_armed is armed


def test_the_same_again_changes_nothing() -> None:
    assert not ready(Kept(PLAN), forever=True).changes


def test_readers_that_aws_does_not_tell_are_unknown() -> None:
    arming = ready(Kept(readers=Refused("AccessDenied")))
    assert (arming.readers, arming.readers_unknown) == (None, "AccessDenied")


def test_what_the_end_does_not_go_with_is_named_by_its_field() -> None:
    started = json.dumps({**json.loads(PLAN), "start": "2099-01-01T00:00:00Z"})
    with pytest.raises(Mistake, match="plan.json: "):
        ready(Kept(), started)


def test_interrupted_while_writing_it_is_not_known_what_is_there() -> None:
    store = Kept()
    arming = ready(store)
    store.interrupted = True
    with pytest.raises(Failure, match="may be armed: `faultlayer show --ssm /chaos/orders` tells"):
        arming.write()


def test_what_is_no_json_has_no_value() -> None:
    assert [json_value(text) for text in (None, "{", "[" * 99999, "5")] == [None, None, None, 5]
