"""A live plan in a parameter: read, bounded, and written as it is allowed to be."""

from __future__ import annotations

from typing import Any

import pytest

from faultlayer_cli.aws.account import Refused, Unknown
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.parameter import ADVANCED, STANDARD, Parameter
from faultlayer_cli.plans.place import SSM, Place

PLACE = Place(SSM, "/chaos/orders")


class Ssm:
    """An account that answers with these, one after another, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        assert (service, arguments.pop("Name")) == (SSM, PLACE.name)
        self.asked.append((operation, arguments))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def of(*answers: Any) -> tuple[Parameter, Ssm]:
    account: Any = Ssm(*answers)
    return Parameter(account, PLACE), account


def test_what_is_there_is_read() -> None:
    parameter, ssm = of({"Parameter": {"Value": "{}"}})
    assert parameter.read().text == "{}"
    assert ssm.asked == [("get_parameter", {"WithDecryption": True})]


@pytest.mark.parametrize("urgent", [False, True])
def test_one_that_is_not_there_is_made_but_not_to_disarm(urgent: bool) -> None:
    parameter, ssm = of(Unknown("none"), {})
    assert parameter.read().text is None
    parameter.write("{}", urgent=urgent)
    made = {"Value": "{}", "Overwrite": True} | ({} if urgent else {"Type": "String"})
    assert ssm.asked[1] == ("put_parameter", made)


def test_one_of_the_advanced_tier_stays_there() -> None:
    parameter, ssm = of(Refused("you cannot downgrade from the advanced-parameter tier"), {})
    parameter.write("{}")
    assert [arguments.get("Tier") for _, arguments in ssm.asked] == [None, "Advanced"]
    parameter, _ = of(Refused("AccessDenied"))
    with pytest.raises(Refused, match="AccessDenied"):
        parameter.write("{}")


def test_a_plan_that_is_too_long_is_a_mistake_with_what_is_allowed() -> None:
    parameter, _ = of()
    parameter.check("x" * STANDARD, advanced=False)
    parameter.check("x" * ADVANCED, advanced=True)
    with pytest.raises(Mistake, match=f"more than the {STANDARD} .* allowed: --advanced, up to"):
        parameter.check("x" * (STANDARD + 1), advanced=False)
    with pytest.raises(Mistake, match=f"more than the {ADVANCED} .* of the advanced tier"):
        parameter.check("x" * (ADVANCED + 1), advanced=True)
