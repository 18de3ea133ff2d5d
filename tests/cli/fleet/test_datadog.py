"""A function whose Datadog wrapper takes the runtime past us is left alone."""

from __future__ import annotations

import pytest

from faultlayer_cli.aws.account import function
from faultlayer_cli.fleet import change
from faultlayer_cli.fleet.datadog import refusal

ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012"


def test_attach_refuses_it_and_says_what_to_set() -> None:
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}
    told = {"FunctionName": "f", "FunctionArn": f"{ACCOUNT}:function:f", "RevisionId": "1"}
    plain = {**told, "Runtime": "python3.12", "Environment": {"Variables": variables}}
    layer = f"{ACCOUNT}:layer:faultlayer-x86_64:3"
    assert change.attach(function(plain), layer, {}).variables
    variables["DD_SERVERLESS_APPSEC_ENABLED"] = "true"
    with pytest.raises(change.Refusal, match="set DD_SERVERLESS_APPSEC_ENABLED to false"):
        change.attach(function(plain), layer, {})
    assert refusal(variables, None) == ""
