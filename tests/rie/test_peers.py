"""What other tools' documents and variables do to a real function, unchanged."""

from __future__ import annotations

import json
import shutil

from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads
from rie.support import told

# The flags of failure-lambda's README, those that are on first.
FLAGS = {
    "latency": {
        "enabled": True,
        "percentage": 100,
        "min_latency": 200,
        "max_latency": 250,
        "match": [{"path": "slow", "operator": "exists"}],
    },
    "statuscode": {
        "enabled": True,
        "status_code": 404,
        "match": [{"path": "path", "operator": "startsWith", "value": "/api"}],
    },
    "corruption": {
        "enabled": True,
        "body": '{"error": "corrupted"}',
        "match": [{"path": "method", "operator": "regex", "value": "^(GET|HEAD)$"}],
    },
    "exception": {"enabled": False, "exception_msg": "Exception message!"},
    "denylist": {"enabled": True, "deny_list": ["s3.*.amazonaws.com"]},
}
CHAOS = "CHAOS_EXTENSION__"


def test_a_flags_document_of_failure_lambda(run):
    function = run(FAULTLAYER_PLAN=json.dumps(FLAGS))
    untouched = function.invoke({"slow": None, "path": "/", "method": "PUT"})
    assert told(untouched)["runs"] == 1
    answer = json.loads(function.invoke({"path": "/api/orders"}).body)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"]) == {"message": "Injected status code 404"}
    slow = function.invoke({"slow": 0})
    assert slow.seconds >= 0.2
    corrupted = json.loads(function.invoke({"method": "GET"}).body)
    assert (corrupted["statusCode"], corrupted["body"]) == (200, '{"error": "corrupted"}')
    injected = [line["fault"] for line in function.lines("fault_injected")]
    assert injected == ["status", "latency", "corruption"]
    assert not function.lines("config_error")


def test_the_variables_of_chaos_lambda_extension(run):
    response = '{"statusCode": 500, "body": "Greeting from Chaos Toolkit"}'
    function = run(
        **{
            CHAOS + "LAMBDA__ENABLE_LATENCY": "true",
            CHAOS + "LAMBDA__LATENCY_VALUE": "1",
            CHAOS + "LAMBDA__LATENCY_PROBABILITY": "1",
            CHAOS + "RESPONSE__ENABLE_CHANGE_RESPONSE_BODY": "true",
            CHAOS + "RESPONSE__DEFAULT_RESPONSE": response,
            CHAOS + "RESPONSE__CHANGE_RESPONSE_PROBABILITY": "1.0",
        }
    )
    for event in ({}, {"plain": "x"}):
        answer = function.invoke(event)
        assert answer.body == response.encode()
        assert answer.seconds >= 1
    assert len(function.ran()) == 2, "the response is replaced after the function ran"
    assert "KeyError" in function.invoke({"raise": "x"}).body.decode(), "errors pass"


def test_the_layer_as_chaos_toolkit_sets_it_up(run, tmp_path):
    """Its actions set the exec wrapper to /opt/bootstrap: a link to ours (docs/migration.md)."""
    layer = tmp_path / "chaostoolkit"
    shutil.copytree(checkout.layer(downloads.architecture()), layer, symlinks=True)
    (layer / "bootstrap").symlink_to("faultlayer-wrapper")
    function = run(
        layer=layer,
        AWS_LAMBDA_EXEC_WRAPPER="/opt/bootstrap",
        CHAOSTOOLKIT_EXPERIMENT="true",
        **{
            CHAOS + "RESPONSE__ENABLE_CHANGE_RESPONSE_BODY": "true",
            CHAOS + "RESPONSE__CHANGE_RESPONSE_PROBABILITY": "1",
        },
    )
    answer = json.loads(function.invoke().body)
    assert answer == {"statusCode": 500, "body": "hello, Chaos!!!"}
    assert not function.lines("not_redirected")
