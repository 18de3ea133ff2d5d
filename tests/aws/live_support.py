"""What the tests of live plans share: places for plans, and what functions would read there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aws_support import Aws

PLAN = "faults:\n- {fault: status, code: 503, rate: 5%}\n- {fault: latency, delay: 1s}\n"
DISARMED = {"faults": [], "disabled": True}
SSM = "/chaos/orders"
PROFILE = "shop/live/chaos"
ARMED = '{"faults":[{"fault":"status","code":500}]}'
WRITES = (
    "ssm:PutParameter",
    "appconfig:CreateHostedConfigurationVersion",
    "appconfig:StartDeployment",
    "appconfig:StopDeployment",
)


def plan_file(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def parameter(aws: Aws, name: str = SSM) -> Any:
    """The parameter's plan; None where there is no such parameter."""
    client = aws.client("ssm")
    try:
        return json.loads(client.get_parameter(Name=name)["Parameter"]["Value"])
    except client.exceptions.ParameterNotFound:
        return None


def put(aws: Aws, text: str, name: str = SSM, **more: Any) -> None:
    """As someone else would."""
    given = {"Name": name, "Value": text, "Type": "String", "Overwrite": True}
    aws.client("ssm").put_parameter(**(given | more))


def profile(
    aws: Aws, path: str = PROFILE, kind: str = "AWS.Freeform", location: str = "hosted"
) -> dict[str, str]:
    """An application, environment and profile of these names (made where missing); their ids."""
    client = aws.client("appconfig")
    names = path.split("/")
    apps = client.list_applications()["Items"]
    app = next((a for a in apps if a["Name"] == names[0]), None)
    app = app or client.create_application(Name=names[0])
    here = {"ApplicationId": app["Id"]}
    environments = client.list_environments(**here)["Items"]
    environment = next((e for e in environments if e["Name"] == names[1]), None)
    environment = environment or client.create_environment(Name=names[1], **here)
    made = client.create_configuration_profile(
        Name=names[2], LocationUri=location, Type=kind, **here
    )
    return here | {"EnvironmentId": environment["Id"], "ConfigurationProfileId": made["Id"]}


def deploy(aws: Aws, ids: dict[str, str], text: str, *, complete: bool = True) -> int:
    """As someone else would; its number."""
    client = aws.client("appconfig")
    where = {k: v for k, v in ids.items() if k != "EnvironmentId"}
    made = client.create_hosted_configuration_version(
        Content=text.encode(), ContentType="application/json", **where
    )
    told = client.start_deployment(
        ConfigurationVersion=str(made["VersionNumber"]),
        DeploymentStrategyId="AppConfig.AllAtOnce",
        **ids,
    )
    if complete:
        aws.front.stores.complete()
    return int(told["DeploymentNumber"])


def deployed(aws: Aws, ids: dict[str, str]) -> Any:
    """The plan that the newest deployment in force has; None where there is none."""
    found = aws.front.stores.deployments[ids["EnvironmentId"]]
    for one in reversed(found):
        if one.profile == ids["ConfigurationProfileId"] and one.path[-1] in ("BAKING", "COMPLETE"):
            where = {k: v for k, v in ids.items() if k != "EnvironmentId"}
            told = aws.client("appconfig").get_hosted_configuration_version(
                VersionNumber=int(one.version), **where
            )
            return json.loads(told["Content"].read())
    return None


def states(aws: Aws, ids: dict[str, str]) -> list[str]:
    """What becomes of the environment's deployments, the first one first."""
    return [one.path[-1] for one in aws.front.stores.deployments[ids["EnvironmentId"]]]


def writes(aws: Aws) -> list[str]:
    """What was written of live plans since `aws.front.calls` was cleared."""
    return [call.action for call in aws.front.calls if call.action in WRITES]
