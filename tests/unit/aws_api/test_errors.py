"""Errors read by botocore's own parsers: they raise the service's exceptions."""

from __future__ import annotations

import pytest
from botocore.errorfactory import ClientExceptionsFactory
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from faultlayer.aws_api import models
from faultlayer.aws_api.errors import DENY, THROTTLE, UNAVAILABLE, Error, answer, named, usual
from faultlayer.aws_api.models import Service
from layer.aws_models import KNOWN, variable_name
from unit.aws_api.serialized import loader
from unit.aws_api.test_operations import USED

MESSAGE = 'Größe <&> "1"'
# Codes that every SDK retries as throttling (retry behaviour in the AWS SDKs and tools guide).
RETRIED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


def misread(name: str) -> list[str]:
    """The errors of a service that botocore takes for other errors."""
    description = loader.load_service_model(name, "service-2")
    model = ServiceModel(description, name)
    service = found(variable_name(str(model.service_id)))
    exceptions = ClientExceptionsFactory().create_client_exceptions(model)
    about = description["metadata"]
    wrong = []
    for protocol in about.get("protocols") or [about["protocol"]]:
        if protocol not in KNOWN:
            continue
        parser = create_parser(protocol)
        output = model.operation_model(model.operation_names[0]).output_shape
        errors = [named(service, code, protocol) for code in service.errors]
        errors += [usual(service, kind, protocol) for kind in (THROTTLE, DENY, UNAVAILABLE)]
        for error in errors:
            made = answer(service, error, protocol, MESSAGE, "r-1")
            headers = {key.lower(): value for key, value in made.headers}
            got = parser.parse(
                {"status_code": made.status, "headers": headers, "body": made.body}, output
            )
            read = got["Error"]
            ok = (read["Code"], read["Message"]) == (error.code, MESSAGE)
            ok &= got["ResponseMetadata"]["RequestId"] == "r-1"
            if error.code in service.errors and not service.from_query:
                ok &= exceptions.from_code(read["Code"]).__name__ == error.name
            if not ok:
                wrong.append(f"{name} {protocol} {error.code}: {got}")
    return wrong


def found(name: str) -> Service:
    service = models.load(name)
    assert service is not None
    return service


@pytest.mark.parametrize("name", USED)
def test_an_sdk_reads_each_error_as_what_it_is(name: str) -> None:
    assert misread(name) == []


@pytest.mark.nightly
def test_so_it_is_for_all_services() -> None:
    assert [
        each for name in loader.list_available_services("service-2") for each in misread(name)
    ] == []


def test_throttling_has_a_code_that_sdks_retry() -> None:
    for name in models.names():
        service = found(name)
        for protocol in service.protocols:
            assert usual(service, THROTTLE, protocol).code in RETRIED, name


@pytest.mark.parametrize(
    ("name", "kind", "code", "status"),
    [
        ("dynamodb", THROTTLE, "ProvisionedThroughputExceededException", 400),
        ("kinesis", THROTTLE, "ProvisionedThroughputExceededException", 400),
        ("lambda", THROTTLE, "TooManyRequestsException", 429),
        ("s3", THROTTLE, "SlowDown", 503),
        ("sns", THROTTLE, "Throttled", 429),
        ("sts", THROTTLE, "Throttling", 400),
        ("ec2", THROTTLE, "RequestLimitExceeded", 503),
        ("dynamodb", DENY, "AccessDeniedException", 400),
        ("lambda", DENY, "AccessDeniedException", 403),
        ("s3", DENY, "AccessDenied", 403),
        ("ec2", DENY, "UnauthorizedOperation", 403),
        ("s3", UNAVAILABLE, "ServiceUnavailable", 503),
        ("dynamodb", UNAVAILABLE, "ServiceUnavailable", 503),
    ],
)
def test_the_usual_errors(name: str, kind: str, code: str, status: int) -> None:
    service = found(name)
    error = usual(service, kind, service.protocols[0])
    assert (error.code, error.status) == (code, status)


def test_an_error_by_its_code_or_by_the_name_of_its_exception() -> None:
    sts = found("sts")
    for code in ("MalformedPolicyDocument", "MalformedPolicyDocumentException"):
        error = named(sts, code, "query")
        assert (error.code, error.status) == ("MalformedPolicyDocument", 400)
    assert named(sts, "ExpiredToken", "query").status == 400


def test_an_unknown_code_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="no error of DynamoDB; did you mean .*ConditionalCheck"):
        named(found("dynamodb"), "ConditionalCheckFaildException", "json")


def test_an_older_client_is_told_the_code_of_its_protocol() -> None:
    sqs = found("sqs")
    made = answer(sqs, Error("X", 400, "X"), "json", "m", "r")
    assert ("x-amzn-query-error", "X;Sender") in made.headers
