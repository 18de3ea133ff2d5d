"""What the commands do, done by a program: data in and out, and no terminal in between."""

from __future__ import annotations

import json

import pytest
from aws_support import Aws, Make
from live_support import DISARMED, SSM, parameter

from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans import arming, live_plan, stores
from faultlayer_cli.plans.expiry import of_plan
from faultlayer_cli.plans.place import Place
from faultlayer_cli.plans.state import State

PLAN = '{"faults":[{"fault":"status","code":503}]}'


@pytest.fixture(autouse=True)
def no_terminal(capfd: pytest.CaptureFixture[str]):
    """Nothing is printed, and nothing is read."""
    yield
    assert capfd.readouterr().out == ""


@pytest.fixture
def account(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr("sys.stdin", None)
    return open_account(None, None)


def ready(account: Account, text: str = PLAN) -> arming.Arming:
    store = stores.at(account, Place("ssm", SSM))
    return arming.prepare(account, store, text, of_plan("2h", None, False, text), name="mine")


def test_a_plan_is_armed_in_two_steps(aws: Aws, make: Make, account: Account):
    make("orders", variables={"FAULTLAYER_PLAN": f"ssm:{SSM}"})
    first = ready(account)
    assert (first.changes, first.replaces_armed, first.state) == (True, False, State.ARMED)
    assert (first.before, first.readers) == (None, ["orders"])
    assert first.plan == {**json.loads(PLAN), "end": first.end}
    first.write()
    assert parameter(aws) == first.plan
    second = ready(account, PLAN.replace("503", "502"))
    assert (second.changes, second.replaces_armed) == (True, True)
    assert parameter(aws) == first.plan


def test_a_plan_that_cannot_be_written_is_known_before(account: Account):
    with pytest.raises(Mistake, match="more than the 4096"):
        ready(account, '{"faults":[{"fault":"status","code":503,"body":"' + "x" * 5000 + '"}]}')


def test_a_live_plan_is_described_and_disarmed(aws: Aws, account: Account):
    ready(account).write()
    store = stores.at(account, Place("ssm", SSM))
    found = live_plan.describe(store.place, store.read())
    assert found.state is State.ARMED
    (rule,) = found.rules
    assert (rule.fault, rule.options["code"], rule.common["rate"]) == ("status", "503", None)
    assert found.times.keys() == {"end"} <= found.settings.keys()
    assert stores.disarm(store).outcome is stores.DisarmOutcome.DISARMED
    assert parameter(aws) == DISARMED
    assert stores.disarm(store).outcome is stores.DisarmOutcome.UNCHANGED
