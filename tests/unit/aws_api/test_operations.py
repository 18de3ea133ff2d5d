"""Recognised operations: botocore's requests, and other SDKs' forms."""

from __future__ import annotations

import pytest

from faultlayer.aws_api import models
from faultlayer.aws_api.operations import Call, needs_body, recognise
from unit.aws_api.serialized import loader, requests

# Services that functions use most, one of each protocol at least.
USED = [
    "apigatewaymanagementapi",
    "appsync",
    "bedrock-runtime",
    "cloudwatch",
    "cognito-idp",
    "dynamodb",
    "events",
    "kinesis",
    "kms",
    "lambda",
    "rds-data",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
]
# The same request has two operations, which only the host tells apart.
ALIKE = {"ListDirectoryBuckets": "ListBuckets"}


def unrecognised(services: list[str]) -> tuple[int, list[str]]:
    """The number of requests, and the requests taken for another operation."""
    total, wrong = 0, []
    for made in requests(services):
        service = models.load(made.service)
        assert service is not None
        if made.operation not in service.operations:
            continue  # deprecated, with the request of a newer one
        total += 1
        call = recognise(service, made.method, made.target, made.header, made.body)
        if call.operation != ALIKE.get(made.operation, made.operation):
            wrong.append(f"{made.service} {made.operation}: {call.operation} {made.target}")
    return total, wrong


def test_requests_of_the_services_that_functions_use_most() -> None:
    total, wrong = unrecognised(USED)
    assert wrong == []
    assert total > 500


@pytest.mark.nightly
def test_requests_of_all_services() -> None:
    total, wrong = unrecognised(loader.list_available_services("service-2"))
    assert wrong == []
    assert total > 20_000


def call(name: str, method: str, target: str, body: bytes = b"", **headers: str) -> Call:
    service = models.load(name)
    assert service is not None
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return recognise(service, method, target, lambda name: named.get(name, ""), body)


S3 = "photos.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("PUT", "/a/b%2Fc", {"host": S3}, "PutObject"),
        ("PUT", "/a", {"host": S3, "x_amz_copy_source": "/other/key"}, "CopyObject"),
        ("PUT", "/a?partNumber=1&uploadId=x", {"host": S3}, "UploadPart"),
        ("PUT", "/a?x-id=UploadPart&partNumber=1&uploadId=x", {"host": S3}, "UploadPart"),
        ("GET", "/a?X-Amz-Algorithm=AWS4-HMAC-SHA256", {"host": S3}, "GetObject"),
        ("GET", "/?list-type=2", {"host": S3}, "ListObjectsV2"),
        ("GET", "/photos/?list-type=2", {"host": "s3.eu-west-1.amazonaws.com"}, "ListObjectsV2"),
        ("GET", "/?prefix=a", {"host": S3}, "ListObjects"),
        ("GET", "/photos", {"host": "s3.eu-west-1.amazonaws.com"}, "ListObjects"),
        ("GET", "/", {"host": "s3.eu-west-1.amazonaws.com"}, "ListBuckets"),
        ("HEAD", "/a", {"host": S3}, "HeadObject"),
        ("HEAD", "/", {"host": S3}, "HeadBucket"),
        ("POST", "/?delete", {"host": S3}, "DeleteObjects"),
        ("POST", "/?delete=", {"host": S3}, "DeleteObjects"),
        (
            "GET",
            "/a.s3.b?tagging",
            {"host": "my.dotted.bucket.s3-eu-west-1.amazonaws.com"},
            "GetObjectTagging",
        ),
        ("PATCH", "/a", {"host": S3}, ""),
    ],
)
def test_both_ways_to_address_a_bucket(
    method: str, target: str, headers: dict[str, str], operation: str
) -> None:
    made = call("s3", method, target, **headers)
    assert (made.operation, made.protocol) == (operation, "rest-xml")


def test_the_query_protocol_of_older_sdks() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    body = b"Action=SendMessage&MessageBody=Action%3DDeleteMessage&Version=2012-11-05"
    made = call("sqs", "POST", "/", body, content_type=form)
    assert (made.operation, made.protocol) == ("SendMessage", "query")
    made = call("sqs", "GET", "/1/queue?Version=2012-11-05&Action=ReceiveMessage")
    assert (made.operation, made.protocol) == ("ReceiveMessage", "query")


def test_the_body_is_needed_for_a_form_alone() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    json = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
    assert needs_body("POST", lambda name: form.get(name, ""))
    assert not needs_body("GET", lambda name: form.get(name, ""))
    assert not needs_body("POST", lambda name: json.get(name, ""))


@pytest.mark.parametrize(
    ("name", "method", "target", "headers"),
    [
        ("dynamodb", "POST", "/", {"x_amz_target": "DynamoDB_20120810.NoSuch"}),
        ("dynamodb", "POST", "/", {"x_amz_target": ""}),
        ("dynamodb", "GET", "/healthy", {}),
        ("cloudwatch", "POST", "/service/X/operation/NoSuch", {"smithy_protocol": "rpc-v2-cbor"}),
        ("lambda", "GET", "/no/such/path", {}),
        ("lambda", "POST", "", {}),
        ("lambda", "GET", "/%zz/%", {}),
        ("sts", "POST", "/?Action=NoSuch", {}),
    ],
)
def test_a_request_of_no_operation(
    name: str, method: str, target: str, headers: dict[str, str]
) -> None:
    assert call(name, method, target, **headers).operation == ""


def test_a_function_named_by_its_arn() -> None:
    arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af"
    assert call("lambda", "POST", f"/2015-03-31/functions/{arn}/invocations").operation == "Invoke"
