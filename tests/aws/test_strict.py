"""The test bed itself: what the front adds to moto, seen through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from aws_support import Aws, Make
from botocore.exceptions import ClientError, ConnectionClosedError
from strict import READ, UPDATE


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_revisions(aws: Aws, make: Make):
    make("orders", variables={"A": "1"})
    client = aws.client("lambda")
    first = aws.configuration("orders")["RevisionId"]
    assert aws.configuration("orders")["RevisionId"] == first
    assert client.list_functions()["Functions"][0]["RevisionId"] == first
    assert client.get_function(FunctionName="orders")["Configuration"]["RevisionId"] == first
    told = client.update_function_configuration(
        FunctionName="orders", RevisionId=first, Environment={"Variables": {"A": "2"}}
    )
    assert told["RevisionId"] == aws.configuration("orders")["RevisionId"] != first
    wanted = {"FunctionName": "orders", "RevisionId": first, "Environment": {"Variables": {}}}
    refused = code(client.update_function_configuration, **wanted)
    assert refused == "PreconditionFailedException"
    assert aws.variables("orders") == {"A": "2"}


def test_states(aws: Aws, make: Make):
    make("orders")
    client = aws.client("lambda")
    aws.front.pending("orders", 1)
    assert (
        code(client.update_function_configuration, FunctionName="orders")
        == "ResourceConflictException"
    )
    assert [aws.configuration("orders")["State"] for _ in range(2)] == ["Pending", "Active"]
    aws.front.update_takes = 1
    client.update_function_configuration(FunctionName="orders", Timeout=4)
    states = [aws.configuration("orders")["LastUpdateStatus"] for _ in range(2)]
    assert states == ["InProgress", "Successful"]
    (listed,) = client.list_functions()["Functions"]
    assert not {"State", "LastUpdateStatus"} & listed.keys()
    aws.front.fail_update("orders", "KMS says no")
    client.update_function_configuration(FunctionName="orders", Timeout=5)
    states = [aws.configuration("orders")["LastUpdateStatus"] for _ in range(2)]
    assert states == ["InProgress", "Failed"]


def test_limits(aws: Aws, make: Make):
    make("orders")
    update = aws.client("lambda").update_function_configuration
    layers = [aws.layer(f"other{n}") for n in range(6)]
    update(FunctionName="orders", Layers=layers[:5])
    refused = code(update, FunctionName="orders", Layers=layers)
    assert refused == "InvalidParameterValueException"
    update(FunctionName="orders", Environment={"Variables": {"A": "x" * (4096 - 8)}})
    refused = code(
        update, FunctionName="orders", Environment={"Variables": {"A": "x" * (4096 - 7)}}
    )
    assert refused == "InvalidParameterValueException"
    assert len(aws.layers("orders")) == 5


def test_trouble_on_request(aws: Aws, make: Make):
    make("orders", tags={"team": "orders"})
    client = aws.client("lambda")
    aws.front.deny(READ, "orders")
    assert code(client.get_function_configuration, FunctionName="orders") == "AccessDeniedException"
    aws.front.throttle("lambda:ListFunctions", 1)
    assert len(client.list_functions()["Functions"]) == 1
    tags = aws.client("resourcegroupstaggingapi")
    found = tags.get_resources(TagFilters=[{"Key": "team", "Values": ["orders"]}])
    assert len(found["ResourceTagMappingList"]) == 1
    aws.front.deny("tag:GetResources")
    assert code(tags.get_resources) == "AccessDeniedException"
    aws.front.deny("cloudformation:ListStackResources")
    stacks = aws.client("cloudformation")
    assert code(stacks.list_stack_resources, StackName="shop") == "AccessDenied"
    assert [made.action for made in aws.front.calls[-3:]] == [
        "tag:GetResources",
        "tag:GetResources",
        "cloudformation:ListStackResources",
    ]


def test_an_answer_that_is_lost(aws: Aws, make: Make):
    make("orders")
    aws.front.lose_answer(UPDATE, times=9)
    with pytest.raises(ConnectionClosedError):
        aws.set_variables("orders", A="1")
    assert aws.variables("orders") == {"A": "1"}


def test_someone_acts_before(aws: Aws, make: Make):
    make("orders")
    aws.front.before(UPDATE, lambda: aws.set_variables("orders", B="2"))
    wanted = {"FunctionName": "orders", "RevisionId": aws.configuration("orders")["RevisionId"]}
    refused = code(aws.client("lambda").update_function_configuration, **wanted)
    assert refused == "PreconditionFailedException"
    assert aws.variables("orders") == {"B": "2"}


def test_pages(aws: Aws, make: Make):
    for number in range(5):
        make(f"orders{number}")
    aws.front.page = 2
    pages = aws.client("lambda").get_paginator("list_functions").paginate()
    sizes = [len(page["Functions"]) for page in pages]
    assert sizes == [2, 2, 1]
    for _ in range(3):
        arn = aws.ours()
    pages = list(
        aws.client("lambda")
        .get_paginator("list_layer_versions")
        .paginate(LayerName="faultlayer-x86_64")
    )
    assert [version["Version"] for page in pages for version in page["LayerVersions"]] == [3, 2, 1]
    assert all("Content" not in version for page in pages for version in page["LayerVersions"])
    layer, _, number = arn.rpartition(":")
    found = aws.client("lambda").get_layer_version(LayerName=layer, VersionNumber=int(number))
    assert found["Content"]["CodeSha256"]


def test_hidden_variables(aws: Aws, make: Make):
    make("orders", variables={"A": "1"})
    aws.front.hide_variables("orders")
    assert "Variables" not in aws.configuration("orders")["Environment"]
    (listed,) = aws.client("lambda").list_functions()["Functions"]
    assert listed["Environment"]["Error"]["ErrorCode"] == "AccessDeniedException"


def test_images_and_architectures(aws: Aws, make: Make):
    make("image", image=True)
    make("arm", architecture="arm64", runtime="nodejs20.x")
    assert aws.configuration("image")["PackageType"] == "Image"
    assert aws.configuration("arm")["Architectures"] == ["arm64"]


def test_versions_keep_what_they_were_published_with(aws: Aws, make: Make):
    make("orders", variables={"A": "1"})
    ours = aws.ours()
    assert aws.publish("orders") == "1"
    aws.client("lambda").update_function_configuration(
        FunctionName="orders", Layers=[ours], Environment={"Variables": {"A": "2"}}
    )
    assert aws.publish("orders") == "2"
    aws.set_variables("orders", A="3")
    aws.front.page = 2
    aws.front.hide_variables("orders:1")
    client = aws.client("lambda")
    pages = list(client.get_paginator("list_versions_by_function").paginate(FunctionName="orders"))
    assert [len(page["Versions"]) for page in pages] == [2, 1]
    told = {one["Version"]: one for page in pages for one in page["Versions"]}
    assert "Error" in told["1"]["Environment"]
    assert {v: one["Environment"]["Variables"] for v, one in told.items() if v != "1"} == {
        "$LATEST": {"A": "3"},
        "2": {"A": "2"},
    }
    assert [len(told[version].get("Layers", ())) for version in ("1", "2")] == [0, 1]
    assert len({one["RevisionId"] for one in told.values()}) == 3
    assert told["$LATEST"]["RevisionId"] == aws.configuration("orders")["RevisionId"]
    pages = list(client.get_paginator("list_functions").paginate(FunctionVersion="ALL"))
    every = [(one["FunctionName"], one["Version"]) for page in pages for one in page["Functions"]]
    assert every == [("orders", "$LATEST"), ("orders", "1"), ("orders", "2")]
    refused = code(client.list_versions_by_function, FunctionName="nobody")
    assert refused == "ResourceNotFoundException"


def test_aliases(aws: Aws, make: Make):
    arn = make("orders")
    aws.publish("orders")
    aws.set_variables("orders", A="1")
    aws.publish("orders")
    aws.alias("orders", "live", "1", v2=0.1)
    aws.alias("orders", "test", "$LATEST")
    aws.front.page = 1
    pages = aws.client("lambda").get_paginator("list_aliases").paginate(FunctionName=arn)
    told = [alias for page in pages for alias in page["Aliases"]]
    assert [(one["Name"], one["FunctionVersion"]) for one in told] == [
        ("live", "1"),
        ("test", "$LATEST"),
    ]
    assert told[0]["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}


def test_regions_of_the_account(aws: Aws):
    aws.front.regions = {"eu-west-1": "ENABLED", "me-south-1": "DISABLED", "us-east-1": "ENABLED"}
    aws.front.page = 1
    account = aws.client("account")
    pages = account.get_paginator("list_regions").paginate(RegionOptStatusContains=["ENABLED"])
    found = [region["RegionName"] for page in pages for region in page["Regions"]]
    assert found == ["eu-west-1", "us-east-1"]
    aws.front.deny("account:ListRegions")
    assert code(account.list_regions) == "AccessDeniedException"
    aws.front.deny("ec2:DescribeRegions")
    assert code(aws.client("ec2").describe_regions) == "UnauthorizedOperation"
    aws.front.deny("sts:GetCallerIdentity")
    assert code(aws.client("sts").get_caller_identity) == "AccessDenied"
    assert [made.action for made in aws.front.calls[-3:]] == [
        "account:ListRegions",
        "ec2:DescribeRegions",
        "sts:GetCallerIdentity",
    ]
