"""Whose account and which region: said by every command, and all regions at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_support import Aws, Cli, Make, layer_zip
from live_support import SSM, plan_file

PLACE = "eu-west-1 (account 123456789012, shop)"
REGIONS, DESCRIBE = "account:ListRegions", "ec2:DescribeRegions"
FARAWAY = "eu-north-1"


@pytest.fixture
def shop(aws: Aws) -> None:
    aws.client("iam").create_account_alias(AccountAlias="shop")


@pytest.fixture
def regions(aws: Aws) -> None:
    """Three regions of the account, and one that it does not use."""
    aws.front.regions = {
        "eu-west-1": "ENABLED_BY_DEFAULT",
        FARAWAY: "ENABLED",
        "us-east-1": "ENABLED_BY_DEFAULT",
        "me-south-1": "DISABLED",
    }


def attached(aws: Aws, make: Make, name: str, region: str) -> None:
    make(
        name,
        region=region,
        layers=[aws.ours(region=region)],
        variables={
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
            "FAULTLAYER_STATUS": "503",
        },
    )


def stopped(aws: Aws, name: str, region: str) -> bool:
    variables = aws.configuration(name, region)["Environment"]["Variables"]
    return variables.get("FAULTLAYER_DISABLED") == "true"


@pytest.mark.parametrize(
    "command",
    ["attach", "attach --json", "detach", "status", "stop", "publish", "arm", "arm --dry-run",
     "disarm", "show", "report"],
)  # fmt: skip
def test_every_command_says_where(
    aws: Aws, make: Make, cli: Cli, shop: None, tmp_path: Path, command: str
) -> None:
    attached(aws, make, "orders", "eu-west-1")
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/orders")
    (tmp_path / "layer.zip").write_bytes(layer_zip("arm64"))
    name, *more = command.split()
    typed = {
        "attach": ["orders", "--latency", "1s", "--yes"],
        "detach": ["orders"],
        "publish": ["--zip", tmp_path / "layer.zip"],
        "arm": [plan_file(tmp_path), "--ssm", SSM],
        "disarm": ["--ssm", SSM],
        "show": ["--ssm", SSM],
        "report": ["--function", "orders"],
    }.get(name, [])
    if name in ("disarm", "show"):
        assert cli("arm", plan_file(tmp_path), "--ssm", SSM).code == 0
    said = cli(name, *typed, *more)
    assert said.code == 0, said
    assert PLACE in said.out + said.err
    if name in ("attach", "stop", "status", "disarm", "show", "report", "publish", "detach"):
        told = json.loads(cli(name, *typed, "--json").out or "{}")
        assert (told["account"], told["account_alias"], told["region"]) == (
            "123456789012",
            "shop",
            "eu-west-1",
        )


def test_the_question_says_whose_functions_are_meant(
    aws: Aws, make: Make, cli: Cli, shop: None
) -> None:
    for name in ("a", "b"):
        attached(aws, make, name, "eu-west-1")
    said = cli("detach", "a", "b", input="no\n")
    assert said.code == 2
    assert "Type 2 to go on (account 123456789012, shop)" in said.err


@pytest.mark.parametrize("command", ["stop", "status", "detach orders"])
def test_without_permission_for_the_alias_it_is_the_number(
    aws: Aws, make: Make, cli: Cli, shop: None, command: str
) -> None:
    attached(aws, make, "orders", "eu-west-1")
    aws.front.deny("iam:ListAccountAliases")
    said = cli(*command.split())
    assert said.code == 0, said
    assert "eu-west-1 (account 123456789012)" in said.err


@pytest.mark.parametrize("command", ["stop", "status", "detach orders"])
def test_an_account_that_is_not_known_keeps_nobody_from_stopping(
    aws: Aws, make: Make, cli: Cli, command: str
) -> None:
    attached(aws, make, "orders", "eu-west-1")
    aws.front.deny("sts:GetCallerIdentity")
    said = cli(*command.split())
    assert said.code == 0, said
    assert "account not known: GetCallerIdentity: AWS answers AccessDenied" in said.err


# nothing found


@pytest.mark.parametrize("typed", [[], ["orders"], ["--detach"], ["or*"]])
def test_stop_that_finds_nothing_says_where_it_looked(
    aws: Aws, make: Make, cli: Cli, shop: None, typed: list[str]
) -> None:
    make("orders", variables={"TABLE": "t"})
    before = aws.configuration("orders")
    said = cli("stop", *typed)
    assert said.code == 4, said
    (line,) = [line for line in said.lines if "nothing was stopped" in line]
    assert "in eu-west-1 " in line
    assert "account 123456789012, shop" in line
    assert aws.configuration("orders") == before


def test_stop_again_finds_what_it_stopped(aws: Aws, make: Make, cli: Cli) -> None:
    attached(aws, make, "orders", "eu-west-1")
    assert [cli("stop").code, cli("stop").code, cli("stop", "orders").code] == [0, 0, 0]
    assert [cli("stop", "--detach").code, cli("stop", "--detach").code] == [0, 4]


def test_exit_codes_are_part_of_the_help(cli: Cli) -> None:
    for command in ("stop", "status"):
        assert "Exit codes: 0" in cli(command, "--help").out


# all regions


def test_stop_in_all_regions(aws: Aws, make: Make, cli: Cli, regions: None, shop: None) -> None:
    attached(aws, make, "orders", FARAWAY)
    attached(aws, make, "orders", "us-east-1")
    attached(aws, make, "users", "us-east-1")
    make("plain")
    assert cli("stop").code == 4
    with aws.front.recorded() as calls:
        said = cli("stop", "--all-regions")
    assert said.code == 0, said
    assert stopped(aws, "orders", FARAWAY)
    assert stopped(aws, "orders", "us-east-1")
    assert stopped(aws, "users", "us-east-1")
    assert f"{FARAWAY} (account 123456789012, shop): 1 changed" in said.err
    assert "us-east-1 (account 123456789012, shop): 2 changed" in said.err
    asked = {call.region for call in calls if call.action == "lambda:ListFunctions"}
    assert asked == {"eu-west-1", FARAWAY, "us-east-1"}
    told = json.loads(cli("stop", "--all-regions", "--json").out)
    assert told["account_alias"] == "shop"
    assert {one["region"]: len(one["functions"]) for one in told["regions"]} == {
        "eu-west-1": 0,
        FARAWAY: 1,
        "us-east-1": 2,
    }
    assert told["not_asked"] == []


def test_status_of_all_regions(aws: Aws, make: Make, cli: Cli, regions: None) -> None:
    attached(aws, make, "orders", FARAWAY)
    said = cli("status", "--all-regions")
    assert said.code == 0
    assert f"in {FARAWAY} (account 123456789012)" in said.err
    assert said.out.count("orders") == 1
    attached(aws, make, "users", "us-east-1")
    aws.publish("users", "us-east-1")
    said = cli("status", "--all-regions", "--json")
    assert said.code == 1
    told = {one["region"]: one for one in json.loads(said.out)["regions"]}
    assert [v["function"] for v in told["us-east-1"]["versions"]] == ["users"]
    assert "--region us-east-1" in said.err


def test_named_functions_in_all_regions(aws: Aws, make: Make, cli: Cli, regions: None) -> None:
    attached(aws, make, "orders", FARAWAY)
    attached(aws, make, "users", "us-east-1")
    arn = f"arn:aws:lambda:{FARAWAY}:123456789012:function:orders"
    for typed in (["orders"], ["ord*"], [arn], ["orders", "users", "--detach"]):
        said = cli("stop", *typed, "--all-regions", "--json")
        assert said.code == 0, said
        told = {one["region"]: one["functions"] for one in json.loads(said.out)["regions"]}
        assert [one["outcome"] for one in told[FARAWAY]] in (["changed"], ["unchanged"])
        assert told["eu-west-1"] == []
    said = cli("stop", "orders", "nobody", "--all-regions")
    assert said.code == 1
    nobody = "faultlayer: nobody is in none of the 3 regions that were asked"
    assert nobody in said.lines
    said = cli("status", "orders", "nobody", "--all-regions")
    assert (said.code, said.lines) == (2, [nobody])
    for command in ("stop", "status"):
        said = cli(command, "nobody", "none-*", "--all-regions")
        assert said.code == 2, said
        assert said.lines == [
            "faultlayer: none-* is in none of the 3 regions that were asked",
            nobody,
        ]


def test_nothing_in_any_region(aws: Aws, cli: Cli, regions: None) -> None:
    said = cli("stop", "--all-regions")
    assert said.code == 4
    assert "any of 3 regions" in said.err
    said = cli("status", "--all-regions")
    assert (said.code, said.out) == (0, "")
    assert "no function in any region has the layer" in said.err


@pytest.mark.parametrize("command", ["stop", "status"])
def test_a_region_that_cannot_be_asked_is_named(
    aws: Aws, make: Make, cli: Cli, regions: None, command: str
) -> None:
    attached(aws, make, "orders", "us-east-1")
    aws.front.deny("lambda:ListFunctions", region=FARAWAY)
    said = cli(command, "--all-regions")
    assert said.code == 1
    (line,) = [line for line in said.lines if "not asked" in line]
    assert FARAWAY in line
    assert "lambda:ListFunctions" in line
    assert (command == "status") != stopped(aws, "orders", "us-east-1")
    told = json.loads(cli(command, "--all-regions", "--json").out)
    assert [one["region"] for one in told["not_asked"]] == [FARAWAY]


def test_regions_without_permission_to_list_them(
    aws: Aws, make: Make, cli: Cli, regions: None
) -> None:
    attached(aws, make, "orders", "us-east-1")
    aws.front.deny(REGIONS)
    with aws.front.recorded() as calls:
        assert cli("stop", "--all-regions").code == 0
    assert DESCRIBE in {call.action for call in calls}
    aws.front.deny(DESCRIBE)
    with aws.front.recorded() as calls:
        said = cli("status", "--all-regions")
    assert said.code == 0, said
    asked = {call.region for call in calls if call.action == "lambda:ListFunctions"}
    assert {"us-east-1", "eu-west-1", "me-south-1", "ap-southeast-2"} <= asked
    assert not any(region.startswith(("cn-", "us-gov-")) for region in asked)
    aws.front.deny("lambda:ListFunctions", region="me-south-1")
    said = cli("status", "--all-regions")
    assert said.code == 1
    assert "not asked: me-south-1" in said.err
    assert "account:ListRegions or ec2:DescribeRegions" in said.err


def test_one_region_and_all_regions_exclude_each_other(aws: Aws, cli: Cli) -> None:
    said = cli("stop", "--all-regions", "--region", "us-east-1")
    assert said.code == 2
    assert "--region and --all-regions exclude each other" in said.err
    assert aws.front.calls == []


def test_all_regions_needs_no_region(
    aws: Aws, cli: Cli, regions: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert cli("status").code == 2
    assert cli("status", "--all-regions").code == 0


def test_wrong_credentials_are_one_line_for_all_regions(
    aws: Aws, cli: Cli, regions: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    said = cli("stop", "--all-regions")
    assert said.code == 2
    assert len(said.lines) == 1
    assert "no AWS credentials were found" in said.err
