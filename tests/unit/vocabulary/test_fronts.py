"""Who made an invocation: one event for each row of AWS's own examples, in short."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from faultlayer.vocabulary.fronts import (
    CALLER,
    DIRECT,
    HTTP,
    SOURCE,
    front_of,
    no_answer,
    no_status,
    recognised,
)
from faultlayer.vocabulary.invocation import Invocation

CONTEXT = {"requestId": "r", "stage": "prod", "apiId": "a1"}
FRONTS: dict[str, dict[str, Any]] = {
    "REST API": {"resource": "/o", "httpMethod": "GET", "requestContext": CONTEXT},
    "HTTP API, payload 1.0": {
        "version": "1.0",
        "resource": "/o",
        "httpMethod": "GET",
        "requestContext": CONTEXT,
    },
    "HTTP API, payload 2.0": {
        "version": "2.0",
        "routeKey": "$default",
        "requestContext": {**CONTEXT, "http": {"method": "GET"}},
    },
    "function URL": {
        "version": "2.0",
        "rawPath": "/",
        "requestContext": {"domainName": "x.lambda-url.eu-west-1.on.aws", "http": {}},
    },
    "WebSocket connect": {
        "headers": {"Host": "h"},
        "requestContext": {"eventType": "CONNECT", "connectionId": "c", "routeKey": "$connect"},
    },
    "WebSocket message": {
        "requestContext": {"eventType": "MESSAGE", "connectionId": "c"},
        "body": "hello",
    },
    "ALB": {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": "GET",
        "headers": {},
    },
    "Lattice 1": {"raw_path": "/o", "method": "GET", "headers": {}, "is_base64_encoded": False},
    "Lattice 2": {
        "version": "2.0",
        "path": "/o",
        "method": "GET",
        "requestContext": {"serviceNetworkArn": "arn:aws:vpc-lattice:x", "serviceArn": "y"},
    },
}
SOURCES: dict[str, Any] = {
    "SQS": {"Records": [{"messageId": "m", "body": "b", "eventSource": "aws:sqs"}]},
    "Kinesis": {"Records": [{"kinesis": {"sequenceNumber": "1"}, "eventSource": "aws:kinesis"}]},
    "DynamoDB": {"Records": [{"dynamodb": {"Keys": {}}, "eventSource": "aws:dynamodb"}]},
    "the end of a time window": {
        "Records": [],
        "window": {},
        "isFinalInvokeForWindow": True,
        "eventSourceARN": "arn:aws:kinesis:x",
    },
    "MSK": {"eventSource": "aws:kafka", "records": {"orders-0": [{"offset": 1}]}},
    "Kafka": {"eventSource": "SelfManagedKafka", "records": {"orders-0": [{"offset": 1}]}},
    "Kafka, too": {"eventSource": "aws:SelfManagedKafka", "records": {}},
    "ActiveMQ": {"eventSource": "aws:mq", "messages": [{"messageID": "m"}]},
    "RabbitMQ": {"eventSource": "aws:rmq", "rmqMessagesByQueue": {"q::/": [{"data": ""}]}},
    "DocumentDB": {"eventSource": "aws:docdb", "events": [{"event": {}}]},
    "one of tomorrow": {"Records": [{"eventSource": "aws:tomorrow"}]},
    "a Pipe": [{"messageId": "m", "body": "b", "eventSource": "aws:sqs"}],
    "EventBridge": {"source": "my.app", "detail-type": "order", "detail": {"id": 1}},
    "the scheduler": {"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"},
    "S3": {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {}}}]},
    "SNS": {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "x"}}]},
    "SES": {"Records": [{"eventSource": "aws:ses", "ses": {"mail": {}}}]},
    "CodeCommit": {"Records": [{"eventSource": "aws:codecommit"}]},
    "records by hand": {"Records": [{"kinesis": {"data": "e30="}}]},
    "CloudWatch Logs": {"awslogs": {"data": "H4sI"}},
    "an alarm": {"source": "aws.cloudwatch", "alarmArn": "arn", "alarmData": {}},
    "Config": {"invokingEvent": "{}", "configRuleName": "r", "resultToken": "t"},
    "CodePipeline": {"CodePipeline.job": {"id": "j"}},
    "CodeDeploy": {"DeploymentId": "d", "LifecycleEventHookExecutionId": "x"},
    "CloudFormation": {"RequestType": "Create", "ResponseURL": "https://x", "StackId": "s"},
    "Secrets Manager": {"SecretId": "s", "ClientRequestToken": "t", "Step": "createSecret"},
    "an IoT button": {"serialNumber": "1", "clickType": "SINGLE", "batteryVoltage": "1"},
    "an IoT device": {"deviceEvent": {"buttonClicked": {}}, "deviceInfo": {"deviceId": "d"}},
    "a destination": {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "functionArn": "f"},
        "requestPayload": {},
    },
    "a WebSocket that is gone": {
        "requestContext": {"eventType": "DISCONNECT", "connectionId": "c"}
    },
}
CALLERS: dict[str, Any] = {
    "an authorizer": {"type": "TOKEN", "authorizationToken": "t", "methodArn": "arn"},
    "an authorizer by request": {
        "type": "REQUEST",
        "methodArn": "arn",
        "httpMethod": "GET",
        "requestContext": CONTEXT,
    },
    "an authorizer 2.0": {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn",
        "requestContext": {"http": {"method": "GET"}},
    },
    "Cognito": {"version": "1", "triggerSource": "PreSignUp_SignUp", "userPoolId": "p"},
    "Cognito Sync": {"eventType": "SyncTrigger", "datasetName": "d", "identityPoolId": "p"},
    "AppSync": {"arguments": {}, "info": {"fieldName": "f", "parentTypeName": "Query"}},
    "AppSync, a batch": [{"arguments": {}, "info": {"fieldName": "f", "parentTypeName": "Q"}}],
    "an AppSync authorizer": {"authorizationToken": "t", "requestContext": {"apiId": "a"}},
    "Bedrock": {"messageVersion": "1.0", "agent": {}, "actionGroup": "g", "httpMethod": "GET"},
    "Lex 1": {"bot": {}, "currentIntent": {}, "messageVersion": "1.0"},
    "Lex 2": {"bot": {}, "sessionState": {}, "messageVersion": "1.0"},
    "Alexa": {
        "version": "1.0",
        "context": {"System": {}},
        "request": {"type": "LaunchRequest", "requestId": "r"},
    },
    "Connect": {"Name": "ContactFlowEvent", "Details": {"ContactData": {}}},
    "Firehose": {"invocationId": "i", "deliveryStreamArn": "arn", "records": []},
    "S3 Object Lambda": {"xAmzRequestId": "r", "getObjectContext": {}, "userRequest": {}},
    "S3 Batch": {"invocationSchemaVersion": "1.0", "job": {}, "tasks": []},
    "CloudFront": {"Records": [{"cf": {"config": {}, "request": {}}}]},
}
STEP_FUNCTIONS = {"taskToken": "t", "input": {"order": 7}}
UNKNOWN = [{}, {"order": 7}, [], [1], [{"a": 1}], "x", 5, {"Records": []}, STEP_FUNCTIONS]
UNKNOWN += [{"Records": {"eventSource": "aws:sqs"}}, {"Records": [5, None]}, {"eventSource": 5}]
UNKNOWN += [{"eventSource": "my-app"}, {"Records": [{"eventSource": "my-app", "id": 7}]}]
UNKNOWN += [{"body": '{"Records":[{"eventSource":"aws:sqs"}]}'}, {"requestContext": "x"}]


def invocation(event: Any) -> Invocation:
    content = event if isinstance(event, bytes) or event is None else json.dumps(event).encode()
    return Invocation(b"", b"", lambda: content)


@pytest.mark.parametrize("event", FRONTS.values(), ids=FRONTS)
def test_a_front_reads_a_status(event: Any) -> None:
    assert recognised(event).reads == HTTP
    assert not no_status(front_of(invocation(event)))
    assert not no_answer(front_of(invocation(event)))


@pytest.mark.parametrize("event", SOURCES.values(), ids=SOURCES)
def test_a_source_reads_nothing(event: Any) -> None:
    assert recognised(event).reads == SOURCE
    assert recognised(event).name in no_status(front_of(invocation(event)))
    assert recognised(event).name in no_answer(front_of(invocation(event)))


@pytest.mark.parametrize("event", CALLERS.values(), ids=CALLERS)
def test_others_read_an_answer_that_has_no_status(event: Any) -> None:
    assert recognised(event).reads == CALLER
    assert "another shape" in no_status(front_of(invocation(event)))
    assert not no_answer(front_of(invocation(event)))


@pytest.mark.parametrize("event", UNKNOWN, ids=str)
def test_what_nothing_is_known_of_is_a_direct_invocation(event: Any) -> None:
    assert recognised(event).reads == DIRECT
    assert not no_status(front_of(invocation(event)))


@pytest.mark.parametrize("event", [b"", b" ", b"{", b"hello", b"\xff"])
def test_what_no_service_would_send_is_a_direct_invocation(event: bytes) -> None:
    assert front_of(invocation(event)).reads == DIRECT


@pytest.mark.parametrize("event", [None, b'{"detail":' + b"[" * 10**6 + b"]" * 10**6 + b"}"])
def test_who_sent_what_cannot_be_read_is_not_known(event: bytes | None) -> None:
    assert "not known" in no_status(front_of(invocation(event)))
    assert "not known" in no_answer(front_of(invocation(event)))


EVERY = {**FRONTS, **SOURCES, **CALLERS}


@pytest.mark.parametrize("event", [*EVERY.values(), *UNKNOWN], ids=str)
@pytest.mark.parametrize("more", [{"zzz": ["x"] * 1000, "aaa": {"version": "2.0"}}, {}])
def test_skimming_tells_the_same(event: Any, more: dict[str, Any]) -> None:
    if isinstance(event, dict):
        event = {**more, **event}
    found, expected = front_of(invocation(event)), recognised(event)
    assert (found.name, found.reads, found.members) == (
        expected.name,
        expected.reads,
        expected.members,
    )


@pytest.mark.parametrize(
    "event",
    [
        {**FRONTS["REST API"], "body": "x" * 3_000_000},
        {"orders": [{"id": number, "name": "n", "tags": {}} for number in range(60_000)]},
        {"Records": [{"eventSource": "aws:sqs", "body": "请" * 100}] * 9000},
    ],
    ids=["a body", "many objects", "many records"],
)
def test_a_large_event_is_looked_at_in_little_memory(event: Any) -> None:
    arrived = invocation(json.dumps(event, ensure_ascii=False).encode())
    content = arrived.content()
    assert content is not None
    front_of(arrived)
    tracemalloc.start()
    try:
        front_of(arrived)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(content)


def test_the_first_record_that_says_it_counts() -> None:
    records: list[Any] = [None, {"a": 1}, {"eventSource": "aws:sqs"}]
    assert recognised({"Records": records}).name == "SQS"
