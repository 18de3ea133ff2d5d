"""The Lambda Web Adapter on a function: how it is seen, and the variable that sends it to us.

The adapter is an extension that asks Lambda for events itself, so no exec wrapper reaches it. From
0.9.1 on it asks at the address in a variable of its own instead.
https://awslabs.github.io/aws-lambda-web-adapter/features/request-interception.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from faultlayer.startup.web_adapter import VARIABLE as VARIABLE
from faultlayer.startup.web_adapter import names
from faultlayer_cli.aws.account import Function
from faultlayer_cli.plans.variables import Variables

_LAYER = re.compile(r":(\d+):layer:LambdaAdapterLayer(?:X86|Arm64):(\d+)$")
_AWSS = frozenset(("753240598075", "041581134020", "069767869989"))  # accounts of its publisher
_FIRST = 24  # the layer version of 0.9.1
_DATADOG = re.compile(r":layer:Datadog-Extension[^:]*:\d+$")
_PREFIX = "AWS_LWA_"
_BOOTSTRAP = "/opt/bootstrap"  # its exec wrapper


class Unusable(Exception):
    """The reason why the adapter cannot be sent to us, and the remedy."""


def seen(function: Function, *wrappers: str | None) -> bool:
    """True if the function has the adapter: its layer, a variable of its own, or its wrapper."""
    return (
        any(map(_LAYER.search, function.layers))
        or any(name.startswith(_PREFIX) for name in function.variables)
        or _BOOTSTRAP in wrappers
    )


def address(variables: Mapping[str, str]) -> str:
    """The address of our listener that these variables choose."""
    return f"127.0.0.1:{_port(variables)}"


def sent_to_us(variables: Mapping[str, str]) -> bool:
    """True if the variable names our listener."""
    return names(variables.get(VARIABLE, ""), _port(variables))


def send(function: Function, variables: dict[str, str]) -> None:
    """Set the variable among these, which the function is to have. Raises Unusable."""
    before = function.variables
    if before.get(VARIABLE) and not (sent_to_us(before) or sent_to_us(variables)):
        raise Unusable(
            f"its {VARIABLE} names another proxy: set it to {address(variables)}, and "
            "FAULTLAYER_RUNTIME_API to that proxy's address"
        )
    if any(map(_DATADOG.search, function.layers)):
        raise Unusable(
            f"has the Lambda Web Adapter and Datadog's extension, which takes {VARIABLE} for the "
            "address to listen at itself: take one of them off first"
        )
    for layer in filter(None, map(_LAYER.search, function.layers)):
        if layer[1] in _AWSS and int(layer[2]) < _FIRST:
            raise Unusable(
                f"its Lambda Web Adapter (layer version {layer[2]}) is older than 0.9.1 (layer "
                f"version {_FIRST}) and cannot be sent to a proxy, so no fault would reach it"
            )
    variables[VARIABLE] = address(variables)


def _port(variables: Mapping[str, str]) -> int:
    return Variables(variables).configuration.settings.port
