"""The service that made an invocation, by the shape of its event, and the answers it reads.

    event -> the first row of the table whose members it has -> Front(name, reads, ...)

A status in the answer reaches a caller only if an HTTP front made the invocation. An event source
reads no HTTP status: it takes any answer that is no function error as "done", so messages would
be gone although the function never saw them. An event that no row describes is a direct invocation.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from __future__ import annotations

from faultlayer.jsontext import loads, skip
from faultlayer.vocabulary.answer import ANY, BOTH, ONE, SEVERAL, WITH_COOKIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.vocabulary.invocation import Invocation

HTTP = 1  # reads status, headers and body
CALLER = 2  # reads an answer of another shape
SOURCE = 3  # reads no answer, or a list of failed records alone
DIRECT = 4  # unknown: whoever calls may expect any shape

_ALB = "an Application Load Balancer"

# Name of the service, kind of answer that it reads, and the members by which its events are known:
# a dotted path exists, or has this text. A slash is a dot that belongs to a name.
# The first row with all its members present wins, so more specific rows stand above. The last
# value in the row of an HTTP front: the members in which it reads an answer's headers.
_ROWS: tuple[tuple[Any, ...], ...] = (
    ("an API Gateway authorizer", CALLER, "type methodArn"),
    ("an API Gateway authorizer", CALLER, "type routeArn"),
    ("an AppSync authorizer", CALLER, "authorizationToken requestContext.apiId"),
    ("a Lambda destination", SOURCE, "requestContext.condition requestPayload"),
    (_ALB, HTTP, "requestContext.elb multiValueHeaders", SEVERAL),
    (_ALB, HTTP, "requestContext.elb", ONE),
    ("VPC Lattice", HTTP, "requestContext.serviceNetworkArn", ONE),
    ("VPC Lattice", HTTP, "raw_path method", ONE),
    (
        "a WebSocket's disconnect",
        SOURCE,
        "requestContext.connectionId requestContext.eventType=DISCONNECT",
    ),
    ("a WebSocket API", HTTP, "requestContext.connectionId", BOTH),
    ("an HTTP API or a function URL", HTTP, "requestContext.http", WITH_COOKIES),
    ("API Gateway", HTTP, "httpMethod requestContext", BOTH),
    ("S3 Object Lambda", CALLER, "xAmzRequestId userRequest"),
    ("S3 Batch Operations", CALLER, "invocationSchemaVersion tasks"),
    ("AppSync", CALLER, "info.fieldName info.parentTypeName"),
    ("AppSync", CALLER, "info.channel info.operation"),
    ("AppSync", CALLER, "typeName fieldName arguments"),
    ("a Bedrock agent", CALLER, "messageVersion actionGroup agent"),
    ("Cognito", CALLER, "triggerSource userPoolId"),
    ("Cognito Sync", CALLER, "datasetName identityPoolId"),
    ("Lex", CALLER, "bot sessionState"),
    ("Lex", CALLER, "bot currentIntent"),
    ("Alexa", CALLER, "request.requestId request.type context"),
    ("Alexa", CALLER, "request.requestId request.type session"),
    ("Alexa Smart Home", CALLER, "directive.header"),
    ("Alexa Smart Home", CALLER, "header.namespace header.payloadVersion payload"),
    ("Amazon Connect", CALLER, "Name=ContactFlowEvent Details"),
    ("Firehose", CALLER, "deliveryStreamArn records"),
    ("Firehose", CALLER, "invocationId records region"),
    ("Kinesis Data Analytics", CALLER, "applicationArn records"),
    ("SageMaker Ground Truth", CALLER, "labelingJobArn"),
    ("Redshift", CALLER, "external_function arguments"),
    ("Client VPN", CALLER, "connection-id endpoint-id"),
    ("an IoT authorizer", CALLER, "protocolData connectionMetadata"),
    ("IoT fleet provisioning", CALLER, "claimCertificateId templateArn"),
    ("a CloudWatch dashboard", CALLER, "widgetContext"),
    ("WorkMail", CALLER, "summaryVersion envelope"),
    ("a Chime SIP application", CALLER, "InvocationEventType CallDetails"),
    ("Pinpoint", CALLER, "ApplicationId CampaignId Endpoints"),
    ("CloudFront", CALLER, "Records.0.cf.config"),
    ("Kinesis", SOURCE, "Records.0.kinesis.data"),
    ("a DynamoDB stream", SOURCE, "Records.0.dynamodb.Keys"),
    ("SNS", SOURCE, "Records.0.Sns.Message"),
    ("S3", SOURCE, "Records.0.s3.bucket"),
    ("SES", SOURCE, "Records.0.ses.mail"),
    ("EventBridge", SOURCE, "detail-type source"),
    ("CloudWatch Logs", SOURCE, "awslogs.data"),
    ("a CloudWatch alarm", SOURCE, "alarmArn alarmData"),
    ("AWS Config", SOURCE, "invokingEvent configRuleArn"),
    ("AWS Config", SOURCE, "invokingEvent configRuleName"),
    ("CodePipeline", SOURCE, "CodePipeline/job"),
    ("CodeDeploy", SOURCE, "DeploymentId LifecycleEventHookExecutionId"),
    ("CloudFormation", SOURCE, "RequestType ResponseURL StackId"),
    ("Secrets Manager", SOURCE, "SecretId ClientRequestToken Step"),
    ("IoT", SOURCE, "serialNumber clickType"),
    ("IoT", SOURCE, "deviceEvent deviceInfo"),
    ("IoT Events", SOURCE, "event.payload.detector"),
    ("a stream's time window", SOURCE, "isFinalInvokeForWindow eventSourceARN"),
)

_WANTED = frozenset(
    part.replace("/", ".")
    for _, _, members, *_ in _ROWS
    for member in members.split()
    for part in member.partition("=")[0].split(".")
) | {"Records", "eventSource", "EventSource"}

# Names by `eventSource` of the event or of its first record.
_SOURCES = {
    "aws:sqs": "SQS",
    "aws:kinesis": "Kinesis",
    "aws:dynamodb": "a DynamoDB stream",
    "aws:kafka": "MSK",
    "SelfManagedKafka": "Kafka",
    "aws:SelfManagedKafka": "Kafka",
    "aws:mq": "ActiveMQ",
    "aws:amq": "ActiveMQ",
    "aws:rmq": "RabbitMQ",
    "aws:docdb": "DocumentDB",
    "aws:s3": "S3",
    "aws:sns": "SNS",
    "aws:ses": "SES",
    "aws:codecommit": "CodeCommit",
}


class Front:
    """The service that made an invocation: its `name` in a message, the answers that it `reads`.

    `members`: those in which it reads an answer's headers. `infers`: it takes JSON without a
    status for a body.
    """

    __slots__ = ("infers", "members", "name", "reads")

    def __init__(self, name: str, reads: int, members: tuple[str, ...] = ANY) -> None:
        self.name = name
        self.reads = reads
        self.members = members
        self.infers = members == WITH_COOKIES


_DIRECT = Front("a direct invocation", DIRECT)
_UNKNOWN = Front("", SOURCE)


def _has(event: dict[str, Any], member: str) -> bool:
    """True if the event has this member of a row, with the text that the row asks for."""
    path, _, text = member.partition("=")
    value: Any = event
    for part in path.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        else:
            value = value.get(part.replace("/", ".")) if isinstance(value, dict) else None
    return value == text if text else value is not None


def _key(member: str) -> str:
    """The key of an event at which this member of a row begins."""
    return member.partition("=")[0].partition(".")[0].replace("/", ".")


# The rows, taken apart once, each with the key of its first member: most events lack most of these
# keys, and a direct invocation is looked at with every row (3 us; 60 us without the keys).
_TABLE = [
    (_key(members.split()[0]), tuple(members.split()), Front(name, reads, *read))
    for name, reads, members, *read in _ROWS
]


def _source(record: Any) -> Front | None:
    """The event source that a record, or an event, names itself."""
    if not isinstance(record, dict):
        return None
    said = record.get("eventSource", record.get("EventSource"))
    if not isinstance(said, str) or (said not in _SOURCES and not said.startswith("aws:")):
        return None
    return Front(_SOURCES.get(said, "an event source"), SOURCE)


def recognised(event: Any) -> Front:
    """The service that sent this event (a JSON value)."""
    if isinstance(event, list):  # EventBridge Pipes send records so, AppSync its batches
        first = next((item for item in event if isinstance(item, dict)), None)
        front = _DIRECT if first is None else recognised(first)
        return _DIRECT if front.reads == HTTP else front
    if not isinstance(event, dict):
        return _DIRECT
    for key, members, front in _TABLE:
        if key in event and all(_has(event, member) for member in members):
            return front
    records = event.get("Records")
    for record in (event, *records) if isinstance(records, list) else (event,):
        found = _source(record)
        if found is not None:
            return found
    return _DIRECT


def front_of(invocation: Invocation) -> Front:
    """The service that made this invocation; a nameless SOURCE if its event cannot be read."""
    if invocation.front is None:
        invocation.front = _front_of(invocation)
    return invocation.front


def _front_of(invocation: Invocation) -> Front:
    from faultlayer.events.edit import skim

    content = invocation.content()
    if content is None:  # more than Lambda lets an event be
        return _UNKNOWN
    text = content.decode("latin-1")  # the names and texts of the rows are ASCII
    try:
        loads(text, skip)
    except RecursionError:
        return _UNKNOWN
    except ValueError:  # services send JSON only
        return _DIRECT
    return recognised(skim(text, _WANTED))


_UNREAD = "the event is too large or too deep to be read, so the reader of the answer is not known"


def no_status(front: Front) -> str:
    """Why an HTTP status, or a header, reaches nobody; empty if it may."""
    if front.reads in (HTTP, DIRECT):
        return ""
    if not front.name:
        return _UNREAD
    if front.reads == CALLER:
        return f"the event is from {front.name}, which reads answers of another shape"
    return f"the event is from {front.name}, which reads no HTTP answer"


def no_answer(front: Front) -> str:
    """Why nobody reads the body of an answer; empty if somebody may."""
    if front.reads != SOURCE:
        return ""
    return f"the event is from {front.name}, which reads no body" if front.name else _UNREAD
