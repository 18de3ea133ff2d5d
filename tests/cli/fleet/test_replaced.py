"""Which armed faults an attach ends, and which start anew, as lines for the user."""

from __future__ import annotations

from dataclasses import replace

from faultlayer_cli.aws.account import Function, function
from faultlayer_cli.fleet.change import EXEC_WRAPPER, NEXT_WRAPPER, WRAPPER, Change
from faultlayer_cli.fleet.replaced import replaced

ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012"
OURS = f"{ACCOUNT}:layer:faultlayer-x86_64:3"
ARMED = {EXEC_WRAPPER: WRAPPER, "FAULTLAYER_STATUS": "503"}
END = {"FAULTLAYER_END": "2099-01-01T00:00:00Z"}


def attached(name: str = "orders", **more: str) -> Function:
    made = function({"FunctionName": name, "FunctionArn": f"{ACCOUNT}:function:{name}"})
    return replace(made, layers=(OURS,), variables=ARMED | more)


def change(before: Function, **after: str) -> Change:
    return Change(before, before.layers, {EXEC_WRAPPER: WRAPPER} | after)


def test_other_faults_end_those_that_are_armed() -> None:
    found = replaced([change(attached(), FAULTLAYER_LATENCY="1s", **END)])
    assert found.ended == ("orders: all invocations by status 503, without an end",)
    assert found.anew == ()


def test_the_same_faults_start_anew() -> None:
    found = replaced([change(attached(), FAULTLAYER_STATUS="503", **END)])
    assert found.ended == ()
    (line,) = found.anew
    assert line.startswith("orders: the same faults again: their time starts anew, until ")
    assert line.endswith("; it was without an end")


def test_a_wrapper_is_no_fault_and_no_change_says_nothing() -> None:
    wrapped = change(attached(), FAULTLAYER_STATUS="503", **{NEXT_WRAPPER: "/opt/dd"})
    assert replaced([wrapped, change(attached(), FAULTLAYER_STATUS="503")]) == replaced([])


def test_a_function_whose_layer_is_gone_has_nothing_armed() -> None:
    before = replace(attached(), layers=())
    assert replaced([change(before, FAULTLAYER_LATENCY="1s")]).ended == ()
