"""What the commands do, done by a program: data in and out, and no terminal in between."""

from __future__ import annotations

import contextlib
import json

import pytest
from aws_support import Aws, Make
from live_support import DISARMED, SSM, parameter

from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.errors import Mistake
from faultlayer_cli.fleet.attach import prepare_attach, prepare_detach, still_armed
from faultlayer_cli.fleet.rollout import Outcome
from faultlayer_cli.fleet.status import status
from faultlayer_cli.fleet.stop import stop
from faultlayer_cli.plans import arming, live_plan, stores
from faultlayer_cli.plans.expiry import Ending, of_plan
from faultlayer_cli.plans.place import Place
from faultlayer_cli.plans.state import PlanState
from faultlayer_cli.plans.variables import END, Variables

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
    assert (first.changes, first.replaces_armed, first.state) == (True, False, PlanState.ARMED)
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
    assert found.state is PlanState.ARMED
    (rule,) = found.rules
    assert (rule.fault, rule.options["code"], rule.common["rate"]) == ("status", "503", None)
    assert found.times.keys() == {"end"} <= found.settings.keys()
    assert stores.disarm(store).outcome is stores.DisarmOutcome.DISARMED
    assert parameter(aws) == DISARMED
    assert stores.disarm(store).outcome is stores.DisarmOutcome.UNCHANGED


STATUS = {"FAULTLAYER_STATUS": "503"}


def test_functions_are_attached_in_two_steps_and_stopped(
    aws: Aws, make: Make, account: Account, layer: str
):
    for name in ("orders", "users"):
        make(name)
    names = ["orders", "users"]
    ending = Ending("30m", None, False, Variables(STATUS))
    prepared = prepare_attach(account, names, ending)
    assert prepared.planned == names
    assert any("the faults end by themselves" in note for note in prepared.notes)
    assert prepared.risk == ""
    assert not aws.configuration("orders").get("Layers")
    done = prepared.execute()
    assert [(one.name, one.outcome) for one in done] == [(n, Outcome.CHANGED) for n in names]
    assert aws.configuration("orders")["Layers"][0]["Arn"] == layer

    (there,) = status(account, Selection()).regions
    assert [(one.function, one.state, one.layer) for one in there.functions] == [
        (name, "armed", layer) for name in names
    ]
    assert there.functions[0].variables.keys() == {*STATUS, END}

    again = prepare_attach(account, names, ending)
    assert {one.outcome for one in again.execute()} <= {Outcome.CHANGED, Outcome.UNCHANGED}

    ended = stop(account, Selection(["orders"]))
    assert (ended.certain, ended.found, ended.missing) == (True, True, ())
    (there,) = ended.regions
    assert [(one.name, one.outcome) for one in there.done] == [("orders", Outcome.CHANGED)]
    assert {one.state for one in status(account, Selection(["orders"])).regions[0].functions} == {
        "disabled"
    }


def test_functions_are_detached_in_two_steps(make: Make, account: Account, layer: str):
    make("orders", layers=[layer], variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper"})
    prepared = prepare_detach(account, ["orders"])
    assert prepared.planned == ["orders"]
    done = prepared.execute()
    assert [one.as_json()["outcome"] for one in done] == ["changed"]
    assert still_armed(account, done).clear
    assert prepare_detach(account, ["orders"]).planned == []


def test_what_is_not_there_is_a_mistake_and_changes_nothing(aws: Aws, make: Make, account: Account):
    make("orders")
    with pytest.raises(Mistake, match="nothing-of-this-name"):
        prepare_detach(account, ["orders", "nothing-of-this-name"])
    with pytest.raises(Mistake, match="nothing-of-this-name"):
        status(account, Selection(["nothing-of-this-name"]))
    assert not stop(account, Selection()).found


def test_the_count_of_functions_is_told(make: Make, account: Account, layer: str):
    class Counted:
        def __init__(self) -> None:
            self.counts: list[tuple[str, int, int | None]] = []

        def note(self, text: str) -> None:
            pass

        @contextlib.contextmanager
        def counting(self, doing: str, unit: str = ""):
            yield lambda done, total: self.counts.append((doing, done, total))

    for name in ("orders", "users"):
        make(name, layers=[layer])
    progress = Counted()
    prepare_detach(account, ["orders", "users"], progress=progress).execute()
    assert progress.counts == [
        (doing, done, 2) for doing in ("looking", "changing") for done in (1, 2)
    ]
