"""Functions that are meant: by a pattern, by tags, by a stack and those in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_support import Aws, Cli, Make


@pytest.fixture
def layers(aws: Aws) -> dict[str, str]:
    return {architecture: aws.ours(architecture) for architecture in ("x86_64", "arm64")}


def hit(aws: Aws, *names: str) -> list[bool]:
    return ["FAULTLAYER_STATUS" in aws.variables(name) for name in names]


def stack(aws: Aws, name: str, **nested: str) -> None:
    """A stack with a function of its own name, and the stacks of these URLs in it."""
    resources: dict[str, Any] = {
        "Own": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"{name}-function",
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::123456789012:role/functions",
                "Code": {"ZipFile": "def handler(event, context): return event"},
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
    for logical, url in nested.items():
        resources[logical] = {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": url},
        }
    aws.client("cloudformation").create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources})
    )


def test_by_pattern(aws: Aws, make: Make, cli: Cli, layers: dict[str, str]) -> None:
    for name in ("orders-read", "orders-write", "users"):
        make(name)
    assert cli("attach", "orders-*", "--status", "503", "--yes").code == 0
    assert hit(aws, "orders-read", "orders-write", "users") == [True, True, False]


def test_by_all_of_the_tags(aws: Aws, make: Make, cli: Cli, layers: dict[str, str]) -> None:
    make("a", tags={"team": "orders", "stage": "test"})
    make("b", tags={"team": "orders", "stage": "live"})
    make("c", tags={"team": "users", "stage": "test"})
    said = cli("attach", "--tag", "team=orders", "--tag", "stage=test", "--status", "503")
    assert said.code == 0, said
    assert hit(aws, "a", "b", "c") == [True, False, False]


def test_by_stack(aws: Aws, make: Make, cli: Cli, layers: dict[str, str]) -> None:
    make("users")
    stack(aws, "shop")
    assert cli("attach", "--stack", "shop", "--status", "503").code == 0
    assert hit(aws, "shop-function", "users") == [True, False]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["nothing-*"], "no function's name matches nothing-*"),
        (["--tag", "team=none"], "no function has the tag team=none"),
        (["--stack", "none"], "stack none does not exist in eu-west-1"),
    ],
)
def test_finding_none_is_a_mistake(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str], typed: list[str], line: str
) -> None:
    make("users")
    said = cli("attach", *typed, "--status", "503", "--yes")
    assert said.code == 2
    assert [line in told for told in said.lines] == [True], said


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


@pytest.mark.parametrize("named", ["orders:$LATEST", f"{ARN}:$LATEST", "ord*:$LATEST"])
def test_the_unpublished_version_is_the_function(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str], named: str
) -> None:
    make("orders")
    assert cli("attach", named, "orders", "--status", "503").code == 0, "once"
    assert hit(aws, "orders") == [True]
    told = json.loads(cli("status", named, "--json").out)
    assert [one["function"] for one in told["functions"]] == ["orders"]
    for command in ("stop", "detach"):
        assert cli(command, named).code == 0
    assert cli("report", "--function", named).err.count("no invocation") == 1


@pytest.mark.parametrize(
    "named",
    [
        "123456789012:function:orders",
        "123456789012:function:orders:live",
        "123456789012:orders",
        "function:orders:$LATEST",
    ],
)
def test_a_part_of_an_arn_names_the_function_that_it_means(aws: Aws, cli: Cli, named: str) -> None:
    said = cli("status", named)
    assert said.code == 2
    (line,) = said.lines
    assert line.endswith("is a part of an ARN; allowed: orders, or the function's whole ARN")


def test_an_empty_name_is_named(aws: Aws, cli: Cli) -> None:
    said = cli("status", "")
    assert said.code == 2
    assert "an empty text is not a function's name" in said.err


@pytest.mark.parametrize("named", ["orders:live", "orders:7", f"{ARN}:live", f"{ARN}:7"])
@pytest.mark.parametrize("command", ["attach", "status", "stop", "detach", "report --function"])
def test_a_version_or_an_alias_gets_one_clear_line(
    aws: Aws, cli: Cli, command: str, named: str
) -> None:
    said = cli(*command.split(), named)
    assert said.code == 2
    (line,) = said.lines
    bare = named.rpartition(":")[0]
    assert f"{named} is a version or an alias" in line
    assert f"allowed: {bare}, which" in line
