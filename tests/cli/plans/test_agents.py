"""Which layer of AWS's a function lacks to read its live plan."""

from __future__ import annotations

import pytest

from faultlayer_cli.plans.agents import missing
from faultlayer_cli.plans.variables import Variables

PARAMETERS = "AWS-Parameters-and-Secrets-Lambda-Extension"
APPCONFIG = "AWS-AppConfig-Extension"


@pytest.mark.parametrize(
    ("plan", "layers", "lacks"),
    [
        ("ssm:/chaos", [], PARAMETERS),
        ("ssm:/chaos", [PARAMETERS], ""),
        ("ssm:/chaos", [PARAMETERS + "-Arm64"], ""),
        ("ssm:/chaos", ["our-" + PARAMETERS], ""),
        ("ssm:/chaos", [APPCONFIG], PARAMETERS),
        ("appconfig:a/b/c", [PARAMETERS, "other"], APPCONFIG),
        ("appconfig:a/b/c", ["other", APPCONFIG + "-Arm64"], ""),
        ("file:/var/task/plan.json", [], ""),
        ("{}", [], ""),
        ("", [], ""),
    ],
)
def test_the_layer_that_is_missing(plan: str, layers: list[str], lacks: str) -> None:
    arns = [f"arn:aws:lambda:eu-west-1:015030872274:layer:{name}:11" for name in layers]
    variables = Variables({"FAULTLAYER_PLAN": plan})
    assert missing("Zip", arns, variables) == lacks
    assert missing("Image", arns, variables) == ""
