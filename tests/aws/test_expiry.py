"""attach: when the faults end, and what plans and stops have to do with it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from aws_support import Aws, Cli, Make

from faultlayer_cli.plans.agents import LAYERS


def end(aws: Aws, name: str = "orders") -> datetime:
    return datetime.fromisoformat(aws.variables(name)["FAULTLAYER_END"].replace("Z", "+00:00"))


@pytest.mark.parametrize(
    ("typed", "ahead"), [([], 3600), (["--for", "2h"], 7200), (["--for", "1d"], 86400)]
)
def test_faults_end_by_themselves(
    aws: Aws, make: Make, cli: Cli, layer: str, typed: list[str], ahead: int
) -> None:
    make("orders")
    said = cli("attach", "orders", "--status", "503", *typed)
    left = (end(aws) - datetime.now(timezone.utc)).total_seconds()
    assert ahead - 60 < left <= ahead
    assert f"end by themselves at {aws.variables('orders')['FAULTLAYER_END']}" in said.err


def test_what_is_said_of_the_end_is_the_functions_own(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    said = cli("attach", "orders", "--status", "503")
    assert f"at {aws.variables('orders')['FAULTLAYER_END']};" in said.err
    said = cli("attach", "orders", "--status", "503", "--disabled", "--yes")
    assert "the faults are disabled" in said.err


def test_arming_again_what_was_stopped_is_said(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    cli("attach", "orders", "--status", "503")
    cli("stop", "orders")
    said = cli("attach", "orders", "--status", "503")
    assert "orders: was stopped (FAULTLAYER_DISABLED), and is no longer" in said.err
    assert "no longer" not in cli("attach", "orders", "--status", "503").err


def test_until_a_time_and_forever(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    cli("attach", "orders", "--status", "503", "--until", "2099-01-31T17:00:00+01:00")
    assert aws.variables("orders")["FAULTLAYER_END"] == "2099-01-31T17:00:00+01:00"
    cli("attach", "orders", "--status", "503", "--forever")
    assert "FAULTLAYER_END" not in aws.variables("orders")


def test_an_end_that_is_over_is_renewed(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    cli("attach", "orders", "--status", "503")
    old = aws.variables("orders") | {"FAULTLAYER_END": "2020-01-01T00:00:00Z"}
    aws.set_variables("orders", **old)
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] == "over"
    cli("attach", "orders", "--status", "503")
    assert end(aws) > datetime.now(timezone.utc)


def test_an_end_that_is_over_holds_for_a_live_plan_too(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders", layers=[aws.layer(LAYERS["ssm"])])
    cli("attach", "orders", "--plan", "ssm:/chaos/orders")
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] != "over"
    old = aws.variables("orders") | {"FAULTLAYER_END": "2020-01-01T00:00:00Z"}
    aws.set_variables("orders", **old)
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] == "over"


def test_what_has_no_effect_is_told_before_it_is_attached(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    faults = ("--status", "503", "--status-match", '{"qualifier":5}')
    said = cli("attach", "orders", *faults, "--dry-run")
    assert "faultlayer: warning: --status-match can never hold: qualifier is always" in said.err
    plan = '{"faults":[{"fault":"status","code":503}],"end":"2020-01-01T00:00:00Z"}'
    said = cli("attach", "orders", "--plan", plan, "--dry-run")
    assert "warning: --plan end is in the past: nothing is injected any more" in said.err


def test_a_plan_in_a_file(aws: Aws, make: Make, cli: Cli, layer: str, tmp_path: Path) -> None:
    make("orders")
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "faults:\n- {fault: status, code: 503, rate: 5%}\n- {fault: status, code: 429}\n"
    )
    assert cli("attach", "orders", "--plan", plan).code == 0
    found = json.loads(aws.variables("orders")["FAULTLAYER_PLAN"])
    assert [rule["code"] for rule in found["faults"]] == [503, 429]
    assert end(aws) > datetime.now(timezone.utc)
    plan.write_text("faults:\n- {fault: status, code: 999}\n")
    before = aws.configuration("orders")
    said = cli("attach", "orders", "--plan", plan)
    assert said.code == 2
    assert f"{plan}: faults[0].code is outside 100 to 599" in said.err
    assert aws.configuration("orders") == before


def test_a_plan_with_an_end_of_its_own_and_a_live_one_get_none(
    aws: Aws, make: Make, cli: Cli, layer: str, tmp_path: Path
) -> None:
    make("orders")
    plan = tmp_path / "plan.yaml"
    plan.write_text("faults: [{fault: status, code: 503}]\nend: 2099-01-31T17:00:00Z\n")
    cli("attach", "orders", "--plan", plan)
    assert "FAULTLAYER_END" not in aws.variables("orders")
    cli("attach", "orders", "--plan", "file:/var/task/plan.json", "--yes")
    assert "FAULTLAYER_END" not in aws.variables("orders")
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] == "live"


def test_the_same_faults_again_start_their_hour_anew(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    cli("attach", "orders", "--status", "503")
    soon = datetime.now(timezone.utc) + timedelta(minutes=20)
    aws.set_variables(
        "orders", **aws.variables("orders") | {"FAULTLAYER_END": f"{soon:%Y-%m-%dT%H:%M:%SZ}"}
    )
    said = cli("attach", "orders", "--status", "503")  # without a terminal: nothing is asked
    assert said.code == 0, said
    assert (end(aws) - datetime.now(timezone.utc)).total_seconds() > 3500
    (line,) = [line for line in said.lines if "the same faults again" in line]
    assert "orders: the same faults again: their time starts anew" in line
    assert "(in 60 min)" in line
    assert "(in 20 min)" in line


def test_a_rate_of_0_is_said_to_hit_nothing(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    said = cli("attach", "orders", "--status", "503", "--status-rate", "0%", "--dry-run")
    assert said.code == 0
    assert "nothing is hit: the rate or the max of each fault is 0" in said.err
    assert "the faults end with" not in said.err
    said = cli("attach", "orders", "--status", "503", "--until", "2020-01-01T00:00:00Z")
    assert (said.code, said.lines) == (
        2,
        ["faultlayer: --until is over already; allowed: a time that is to come"],
    )
