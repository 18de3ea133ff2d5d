"""What the starts must make of a function, whichever tool deploys it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultlayer_cli.fleet.change import DISABLED, EXEC_WRAPPER, WRAPPER

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:faultlayer-x86_64:1"


def variables(disabled: bool = True) -> dict[str, str]:
    """The variables of a start."""
    return {
        EXEC_WRAPPER: WRAPPER,
        "FAULTLAYER_LATENCY": "300ms",
        DISABLED: str(disabled).lower(),
    }


def function(template: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a CloudFormation template's only function of ours."""
    (properties,) = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    return dict(properties)


def proven(properties: Mapping[str, Any], *, disabled: bool = True) -> None:
    """Fails unless this function has the layer for its architecture, and the variables."""
    assert properties["Layers"] == [LAYER]
    assert properties["Architectures"] == ["x86_64"]
    assert properties["Environment"]["Variables"] == variables(disabled)
