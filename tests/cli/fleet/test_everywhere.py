"""One account in several regions: those that could not be asked are named."""

from __future__ import annotations

from typing import Any

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.fleet.everywhere import Asked, ask, nowhere

REGIONS = ["eu-west-1", "eu-north-1", "us-east-1"]


class Regional:
    """An account that is in a region, and has others."""

    def __init__(self, region: str = "eu-west-1", guessed: str = "") -> None:
        self.region = region
        self._guessed = guessed

    def regions(self) -> tuple[list[str], str]:
        return REGIONS, self._guessed

    def in_region(self, region: str) -> Regional:
        return Regional(region)


def work(account: Any) -> str:
    if account.region != "eu-west-1":
        raise Failure(f"{account.region} is\n closed")
    return str(account.region)


def test_in_one_region_a_failure_is_one() -> None:
    account: Any = Regional()
    assert ask(account, work, all_regions=False).found == ["eu-west-1"]
    elsewhere: Any = Regional("us-east-1")
    with pytest.raises(Failure, match="closed"):
        ask(elsewhere, work, all_regions=False)


def test_of_several_each_answers_for_itself() -> None:
    account: Any = Regional(guessed="AccessDenied")
    asked = ask(account, work, all_regions=True)
    assert asked.found == ["eu-west-1"]
    assert asked.silent == {
        "eu-north-1": "eu-north-1 is closed",
        "us-east-1": "us-east-1 is closed",
    }
    first, second = asked.lines()
    assert first == "not asked: eu-north-1, us-east-1: eu-north-1 is closed", (
        "one line for a reason"
    )
    assert "(AccessDenied)" in second
    assert asked.as_json()[0] == {"region": "eu-north-1", "reason": "eu-north-1 is closed"}


def test_where_all_answered_there_is_nothing_to_say() -> None:
    assert Asked([1], guessed="AccessDenied").lines() == []


def test_what_is_missing_everywhere_is_a_line() -> None:
    assert nowhere([]) == []
    assert nowhere([["a", "b"], ["b"]]) == ["b is in none of the 2 regions that were asked"]
