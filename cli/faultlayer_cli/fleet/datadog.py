"""Datadog's proxy of the Runtime API: if it is on, its wrapper takes the runtime past ours.

The wrapper then sets AWS_LAMBDA_RUNTIME_API to that proxy. The newer extension starts it only
if AWS_LAMBDA_EXEC_WRAPPER names that wrapper, which attach changes: the runtime would find nobody.
https://github.com/DataDog/datadog-lambda-extension/blob/main/scripts/datadog_wrapper
"""

from __future__ import annotations

from collections.abc import Mapping

from faultlayer.startup.datadog import rerouted_by


def refusal(variables: Mapping[str, str], wrapper: str | None) -> str:
    """The reason why faultlayer cannot stand before this wrapper; empty if it can."""
    variable = rerouted_by(variables, wrapper or "")
    if not variable:
        return ""
    return (
        f"its wrapper {wrapper} sends the runtime to Datadog's own proxy ({variable}), "
        "which bypasses faultlayer, or is not there at all behind another wrapper: "
        f"set {variable} to false first"
    )
