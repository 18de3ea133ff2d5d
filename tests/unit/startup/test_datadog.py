"""Datadog's wrapper: when it sends the runtime to a proxy of its own."""

from __future__ import annotations

import pytest

from faultlayer.startup.datadog import WRAPPER, rerouted_by

APPSEC, PROXY = "DD_SERVERLESS_APPSEC_ENABLED", "DD_EXPERIMENTAL_ENABLE_PROXY"


@pytest.mark.parametrize(
    ("variables", "by"),
    [
        ({APPSEC: "true"}, APPSEC),
        ({APPSEC: "T"}, APPSEC),
        ({APPSEC: "1", PROXY: "true"}, APPSEC),
        ({PROXY: "true"}, PROXY),
        ({APPSEC: "false", PROXY: "True"}, ""),
        ({}, ""),
    ],
)
def test_as_its_wrapper_reads_them(variables: dict[str, str], by: str) -> None:
    assert rerouted_by(variables, WRAPPER) == by
    assert rerouted_by(variables, "/opt/otel-handler") == ""
