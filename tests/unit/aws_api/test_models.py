"""Services by the name in their endpoint variable, with their hosts."""

from __future__ import annotations

import pytest

from faultlayer.aws_api import models


def test_a_service_is_found_by_the_name_in_its_endpoint_variable() -> None:
    for name in ("dynamodb", "secrets_manager", "cloudwatch_logs", "sfn", "eventbridge", "s3"):
        service = models.load(name)
        assert service is not None and service.name == name
        assert name in models.names()
    assert len(models.names()) > 400


@pytest.mark.parametrize("name", ["", "no_such", "../models", "s3.json", "DynamoDB", "s3\0", "é"])
def test_any_other_name_is_none(name: str) -> None:
    assert models.load(name) is None


@pytest.mark.parametrize(
    ("name", "region", "host"),
    [
        ("dynamodb", "eu-west-1", "dynamodb.eu-west-1.amazonaws.com"),
        ("dynamodb", "cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
        ("dynamodb", "us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com"),
        ("dynamodb", "eusc-de-east-1", "dynamodb.eusc-de-east-1.amazonaws.eu"),
        ("sqs", "us-iso-east-1", "sqs.us-iso-east-1.c2s.ic.gov"),
        ("sqs", "us-isob-east-1", "sqs.us-isob-east-1.sc2s.sgov.gov"),
        ("cloudwatch", "ap-southeast-2", "monitoring.ap-southeast-2.amazonaws.com"),
        ("eventbridge", "eu-central-1", "events.eu-central-1.amazonaws.com"),
        ("sfn", "eu-central-1", "states.eu-central-1.amazonaws.com"),
        ("s3", "eu-west-3", "s3.eu-west-3.amazonaws.com"),
        ("sts", "eu-west-3", "sts.eu-west-3.amazonaws.com"),
        ("iam", "eu-west-3", "iam.amazonaws.com"),
    ],
)
def test_the_host_in_a_region(name: str, region: str, host: str) -> None:
    service = models.load(name)
    assert service is not None
    assert service.host(region) == host
    assert service.signs_elsewhere(region) == (name == "iam")
