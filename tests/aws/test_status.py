"""`status`: which functions have the layer, and what it does to them."""

from __future__ import annotations

import json

import pytest
from aws_support import Aws, Cli, Make

WRAPPER = "/opt/faultlayer-wrapper"


@pytest.fixture
def layers(aws: Aws) -> dict[str, str]:
    return {architecture: aws.ours(architecture) for architecture in ("x86_64", "arm64")}


def test_status_tells_them_apart(aws: Aws, make: Make, cli: Cli, layers: dict[str, str]) -> None:
    faults = ["--status", "503", "--status-rate", "5%", "--forever"]
    for name in ("armed", "stopped", "dry", "idle", "wrong", "bare", "untouched"):
        make(name)
    cli("attach", "armed", "stopped", *faults, "--yes")
    cli("attach", "dry", *faults, "--log-only")
    cli("attach", "idle", "wrong", "--yes")
    cli("stop", "stopped")
    aws.set_variables("wrong", AWS_LAMBDA_EXEC_WRAPPER=WRAPPER, FAULTLAYER_STATUS="one")
    cli("attach", "bare", *faults)
    aws.set_variables("bare", FAULTLAYER_STATUS="503", FAULTLAYER_DISABLED="", FAULTLAYER_END="")
    said = cli("status", "--json")
    assert said.code == 0
    told = {entry["function"]: entry for entry in json.loads(said.out)["functions"]}
    assert {name: entry["state"] for name, entry in told.items()} == {
        "armed": "armed",
        "stopped": "disabled",
        "dry": "dry run",
        "idle": "idle",
        "wrong": "wrong",
        "bare": "wrong",
    }
    assert told["armed"]["variables"] == {
        "FAULTLAYER_STATUS": "503",
        "FAULTLAYER_STATUS_RATE": "5%",
    }
    assert told["armed"]["layer"] == layers["x86_64"]
    assert "FAULTLAYER_STATUS" in told["wrong"]["notes"][0]
    assert "AWS_LAMBDA_EXEC_WRAPPER" in told["bare"]["notes"][0]
    table = cli("status").out
    assert "status=503 status_rate=5%" in table
    assert "untouched" not in table
    assert "disabled= " not in table.replace("\n", " "), "an empty variable is unset"
    assert cli("status", "untouched").out.count("not attached") == 1
    assert cli("status", "nobody").code == 2


def test_status_says_whether_nothing_is_attached(aws: Aws, make: Make, cli: Cli) -> None:
    make("a")
    said = cli("status")
    assert (said.code, said.out) == (0, "")
    assert "no function in eu-west-1 has the layer" in said.err
