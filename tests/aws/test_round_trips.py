"""Round trips: after attach, stop and detach in any order a function is as it was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_support import Aws, Cli, Make

STATES = ("LastModified", "RevisionId", "LastUpdateStatus")
FAULT = ("--status", "503")


def whole(aws: Aws, name: str = "orders") -> dict[str, Any]:
    """The configuration and the tags, without what every update changes."""
    told = {k: v for k, v in aws.configuration(name).items() if k not in STATES}
    tags = aws.client("lambda").list_tags(Resource=told["FunctionArn"])["Tags"]
    return {**told, "Tags": tags}


def without_layer(aws: Aws, keep: tuple[str, ...] = ()) -> None:
    """As another tool would: the layer goes, the variables stay."""
    aws.client("lambda").update_function_configuration(FunctionName="orders", Layers=list(keep))


@pytest.fixture(params=["bare", "full"])
def orders(request: pytest.FixtureRequest, aws: Aws, make: Make, layer: str) -> tuple[str, ...]:
    """A function with nothing of its own, or with everything; its layers."""
    if request.param == "bare":
        make("orders")
        return ()
    kept = (aws.layer("zebra"), aws.layer("alpha"))
    variables = {"TABLE": "t", "EMPTY": "", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}
    make("orders", layers=kept, variables=variables, tags={"team": "orders"})
    aws.client("lambda").update_function_configuration(
        FunctionName="orders", Description="ships them"
    )
    return kept


TRIPS = [
    ["attach", "detach"],
    ["attach", "stop", "detach"],
    ["attach", "stop", "attach", "stop", "detach"],
    ["attach", "stop all", "stop --detach"],
    ["attach", "layer removed", "detach"],
    ["attach", "layer removed", "stop", "stop all", "detach"],
    ["attach", "stop", "layer removed", "stop", "detach"],
    ["attach", "layer removed", "stop --detach"],
    ["attach", "layer removed", "attach", "stop", "detach"],
    ["stop", "attach", "detach"],
    ["stop", "stop all", "detach"],
]


@pytest.mark.parametrize("trip", TRIPS, ids=", ".join)
def test_it_is_as_it_was_before(
    aws: Aws, cli: Cli, orders: tuple[str, ...], trip: list[str]
) -> None:
    before = whole(aws)
    steps: dict[str, Callable[[], object]] = {
        "attach": lambda: cli("attach", "orders", *FAULT, "--yes"),
        "detach": lambda: cli("detach", "orders"),
        "stop": lambda: cli("stop", "orders"),
        "stop all": lambda: cli("stop"),
        "stop --detach": lambda: cli("stop", "--detach"),
        "layer removed": lambda: without_layer(aws, orders),
    }
    for step in trip:
        steps[step]()
        if step == "attach":
            assert aws.variables("orders")["FAULTLAYER_STATUS"] == "503"
            assert "FAULTLAYER_DISABLED" not in aws.variables("orders")
    assert whole(aws) == before


@pytest.mark.parametrize("typed", [["stop"], ["stop", "orders"]])
def test_stop_never_writes_into_a_function_without_a_layer(
    aws: Aws, make: Make, cli: Cli, layer: str, typed: list[str]
) -> None:
    make("orders")
    cli("attach", "orders", *FAULT)
    without_layer(aws)
    before = aws.configuration("orders")
    said = cli(*typed)
    assert said.code == 4  # there was nothing to stop
    assert aws.configuration("orders") == before
    assert "its runtime cannot start: `faultlayer detach orders` mends that" in said.out
    aws.set_variables("orders", FAULTLAYER_STATUS="503", FAULTLAYER_DISABLED="true")
    before = aws.configuration("orders")
    said = cli(*typed)
    assert (said.code, aws.configuration("orders")) == (4, before)
    assert "`faultlayer detach orders` takes them off" in said.out
    said = cli("attach", "orders", *FAULT)
    assert said.code == 2
    assert "`faultlayer detach orders` takes them off" in said.err
    assert cli("detach", "orders").code == 0
    assert aws.variables("orders") == {}
    assert cli("attach", "orders", *FAULT).code == 0


def test_stop_disarms_no_plan_that_only_a_function_without_a_layer_names(
    aws: Aws, make: Make, cli: Cli
) -> None:
    make("orders", variables={"FAULTLAYER_PLAN": "ssm:/chaos/orders"})
    aws.client("ssm").put_parameter(Name="/chaos/orders", Type="String", Value="{}")
    assert cli("stop").code == 4
    assert not [call for call in aws.front.calls if call.action == "ssm:GetParameter"]
