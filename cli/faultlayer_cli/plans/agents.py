"""AWS's agents, through which functions read live plans: layers, known by their names.

A parameter is read through the Parameters and Secrets extension, an AppConfig profile through the
AppConfig agent. A function without the layer never gets a plan, and so it injects nothing. A layer
of another name may have the agent, too, so a missing layer is a warning and no mistake.
https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-integration-lambda-extensions-versions.html
"""

from __future__ import annotations

from collections.abc import Iterable

from faultlayer_cli.plans.place import APPCONFIG, SSM, place_of
from faultlayer_cli.plans.variables import Variables

LAYERS = {SSM: "AWS-Parameters-and-Secrets-Lambda-Extension", APPCONFIG: "AWS-AppConfig-Extension"}


def missing(package: str, layers: Iterable[str], variables: Variables) -> str:
    """The layer that a function (Zip or Image) needs to read its live plan, and does not have.

    Empty if it reads no such plan, or has the layer. An image may have the agent inside.
    """
    place = place_of(variables.source or "")
    if place is None or package == "Image":
        return ""
    wanted = LAYERS[place.kind]
    there = any(wanted.lower() in arn.rpartition(":layer:")[2].lower() for arn in layers)
    return "" if there else wanted
