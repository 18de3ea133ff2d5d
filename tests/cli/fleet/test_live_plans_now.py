"""What a live plan does now: read once, judged as in Lambda, and never taken for harmless."""

from __future__ import annotations

from typing import Any

import pytest

from faultlayer_cli.aws.account import Refused, Unknown
from faultlayer_cli.fleet.live_plans import LivePlans
from faultlayer_cli.plans.place import SSM, Place

PLACE = Place(SSM, "/chaos/orders")
ARMED = '{"faults":[{"fault":"status","code":503,"rate":0.05}]}'


class Parameters:
    """An account whose parameter holds this text, or whose reading fails."""

    def __init__(self, held: str | Exception) -> None:
        self.held = held
        self.reads = 0

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        self.reads += 1
        if isinstance(self.held, Exception):
            raise self.held
        return {"Parameter": {"Value": self.held}}


@pytest.mark.parametrize(
    ("held", "dangerous", "told", "state"),
    [
        (ARMED, True, "its plan is armed: 5% of the invocations by status 503, without an end",
         "armed"),
        ('{"faults":[],"disabled":true}', False, "its plan is disabled", "disabled"),
        ("no plan", True, "its plan is wrong", "wrong"),
        (Unknown("gone"), False, "its plan is not there: nothing is at ssm:/chaos/orders",
         "not there"),
        (Refused("AWS says\nno"), True, "its plan could not be read: AWS says no", None),
    ],
)  # fmt: skip
def test_a_plan(held: Any, dangerous: bool, told: str, state: str | None) -> None:
    account: Any = Parameters(held)
    plans = LivePlans(account)
    for _ in range(2):
        found = plans.at(PLACE)
    assert (found.dangerous, found.told, found.as_json()["state"]) == (dangerous, told, state)
    assert account.reads == 1


def test_a_place_that_cannot_be_read_from_here() -> None:
    account: Any = Parameters(ARMED)
    found = LivePlans(account).at(Place(SSM, "arn:aws:ssm:eu-west-1:1:parameter/x"))
    assert "is not a parameter's name" in found.told
    assert found.dangerous
