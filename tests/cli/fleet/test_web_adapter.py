"""The Lambda Web Adapter's variable: attach sets it, detach takes it off, status names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faultlayer_cli.aws.account import Function, function
from faultlayer_cli.fleet import change
from faultlayer_cli.fleet.change import DISABLED, EXEC_WRAPPER, NEXT_WRAPPER, WRAPPER, Refusal
from faultlayer_cli.fleet.status import describe
from faultlayer_cli.fleet.web_adapter import VARIABLE, seen, sent_to_us

ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012"
OURS = f"{ACCOUNT}:layer:faultlayer-x86_64:3"
FAULTS = {"FAULTLAYER_LATENCY": "300ms"}
BOOTSTRAP = {EXEC_WRAPPER: "/opt/bootstrap"}
LAYER = "arn:aws:lambda:eu-west-1:753240598075:layer:LambdaAdapterLayerX86:24"


def web(*layers: str, runtime: str = "nodejs20.x", **variables: str) -> Function:
    return function(
        {
            "FunctionName": "site",
            "FunctionArn": f"{ACCOUNT}:function:site",
            "RevisionId": "1",
            "Runtime": runtime,
            "Layers": [{"Arn": arn} for arn in layers],
            "Environment": {"Variables": variables},
        }
    )


def done(planned: change.Change) -> Function:
    """The function once AWS has made the change."""
    return replace(planned.function, layers=planned.layers, variables=dict(planned.variables))


@pytest.mark.parametrize(
    "before",
    [
        web(LAYER, **BOOTSTRAP),
        web(LAYER.replace("X86", "Arm64"), **BOOTSTRAP, AWS_LWA_PORT="7000"),
        web(f"{ACCOUNT}:layer:our-copy:1", **BOOTSTRAP),
        web(LAYER, runtime="provided.al2023"),
        web(AWS_LWA_PORT="7000"),
    ],
    ids=["layer", "arm64", "a copy", "OS-only", "variables alone"],
)
def test_attach_sets_the_variable_and_detach_takes_it_off(before: Function) -> None:
    attached = done(change.attach(before, OURS, FAULTS))
    assert attached.variables[VARIABLE] == "127.0.0.1:9747"
    assert attached.variables[EXEC_WRAPPER] == WRAPPER
    assert attached.variables.get(NEXT_WRAPPER) == before.variables.get(EXEC_WRAPPER)
    assert change.attach(attached, OURS, FAULTS).empty
    stopped = done(change.disable(attached))
    assert stopped.variables == {**attached.variables, DISABLED: "true"}
    assert done(change.detach(stopped)) == before


def test_the_variable_follows_our_port() -> None:
    once = done(change.attach(web(LAYER), OURS, {**FAULTS, "FAULTLAYER_PORT": "9800"}))
    assert once.variables[VARIABLE] == "127.0.0.1:9800"
    again = done(change.attach(once, OURS, FAULTS))
    assert again.variables[VARIABLE] == "127.0.0.1:9747"
    assert done(change.detach(again)).variables == {}


def test_a_stop_that_has_no_room_keeps_our_port() -> None:
    given = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_PORT": "9800"}
    attached = done(change.attach(web(LAYER), OURS, given))
    room = change.MOST_BYTES - change.size(attached.variables) - len(',"FILL":""')
    full = replace(attached, variables={**attached.variables, "FILL": "x" * room})
    stopped = done(change.disable(full))
    assert "FAULTLAYER_STATUS" not in stopped.variables
    assert sent_to_us(stopped.variables)


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (web(LAYER, **{VARIABLE: "127.0.0.1:9002"}), "FAULTLAYER_RUNTIME_API"),
        (web(LAYER.replace(":24", ":23")), "older than 0.9.1"),
        (
            web(LAYER, "arn:aws:lambda:eu-west-1:464622532012:layer:Datadog-Extension:70"),
            "Datadog",
        ),
    ],
    ids=["another proxy", "too old", "Datadog"],
)
def test_attach_refuses_an_adapter_that_cannot_be_sent_to_us(before: Function, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        change.attach(before, OURS, FAULTS)


def test_a_function_without_the_adapter_keeps_its_variables() -> None:
    before = web(f"{ACCOUNT}:layer:LambdaAdapterLayers:1", **{EXEC_WRAPPER: "/opt/otel-handler"})
    assert not seen(before, "/opt/otel-handler")
    assert VARIABLE not in change.attach(before, OURS, FAULTS).variables


def test_a_layer_that_was_taken_off_by_hand_left_the_function_down() -> None:
    left = web(LAYER, **{VARIABLE: "http://localhost:9747"})
    assert change.concerned(left)
    *_, why = describe(left).notes
    assert describe(left).state == "wrong"
    assert "nobody listens" in why
    assert done(change.detach(left)).variables == {}


def test_status_claims_nothing_of_a_wrapper_that_may_be_anybodys() -> None:
    """Chaos Toolkit's actions set the same one."""
    chaos = web(OURS, **BOOTSTRAP, FAULTLAYER_STATUS="503")
    assert not any("Web Adapter" in note for note in describe(chaos).notes)


def test_status_says_where_the_adapter_asks() -> None:
    attached = done(change.attach(web(LAYER), OURS, FAULTS))
    assert describe(attached).state == "armed"
    assert "asks through faultlayer" in describe(attached).notes[0]
    variables = {k: v for k, v in attached.variables.items() if k != VARIABLE}
    unset = describe(replace(attached, variables=variables))
    assert unset.state == "wrong"
    assert unset.notes == (
        "the Lambda Web Adapter asks Lambda itself, so no fault reaches the function: "
        f"{VARIABLE} is not 127.0.0.1:9747",
    )
