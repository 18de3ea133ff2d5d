"""Datadog's exec wrapper, if it sends the runtime to a proxy of Datadog's own.

https://github.com/DataDog/datadog-lambda-extension/blob/main/scripts/datadog_wrapper
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

WRAPPER = "/opt/datadog_wrapper"
_PROXY = "DD_EXPERIMENTAL_ENABLE_PROXY"
_APPSEC = "DD_SERVERLESS_APPSEC_ENABLED"


def rerouted_by(variables: Mapping[str, str], wrapper: str) -> str:
    """The variable that makes this wrapper send the runtime to Datadog's proxy; empty if none."""
    if wrapper != WRAPPER:
        return ""
    if variables.get(_APPSEC, "").lower() in ("1", "t", "true"):
        return _APPSEC
    return _PROXY if variables.get(_PROXY) == "true" else ""
