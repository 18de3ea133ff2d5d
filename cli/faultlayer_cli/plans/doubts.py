"""Name settings without effect: contradictory conditions, rate 0, past ends.

    every match ── each condition alone ── each two of them ──> one line for each that never holds

- The extension takes such settings, so a doubt is a warning and no mistake.
- Operators are tried by the extension's own condition, never judged by rules of their own.
- Events of AWS's services have known members. A function that is invoked directly may get any
  event, so these lines name AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from faultlayer.events.match import ARN, QUALIFIER, Condition, Match
from faultlayer.events.paths import HEADERS, MISSING
from faultlayer.jsontext import dumps, is_number
from faultlayer.settings.configuration import PLAN, Configuration
from faultlayer.values.hosts import HostList, Hosts
from faultlayer.vocabulary.registry import PREFIX, Fault
from faultlayer_cli.plans.host_doubts import without_effect

_HOSTS = "hosts"
_TEXT, _NUMBER, _BOOLEAN, _NESTED = "text", "a number", "true or false", "an object or a list"

# Paths of AWS's events: * is any part, # an index, a|b either.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
_SHAPES = {
    _TEXT: """
        headers.* multiValueHeaders.*.# cookies.# body rawPath rawQueryString raw_path routeKey
        httpMethod pathParameters.* queryStringParameters.* query_string_parameters.*
        multiValueQueryStringParameters.*.# stageVariables.* requestContext.http.*
        requestContext.accountId|apiId|connectionId|domainName|domainPrefix|eventType|httpMethod
        requestContext.path|protocol|requestId|requestTime|resourcePath|routeKey|stage|time
        requestContext.identity.sourceIp|userAgent|apiKey|accountId|caller|user|userArn
        requestContext.elb.targetGroupArn
        Records.#.body|messageId|receiptHandle|eventSource|eventSourceARN|EventSource|awsRegion
        Records.#.eventName|eventID Records.#.attributes.*
        Records.#.messageAttributes.*.stringValue|dataType
        Records.#.Sns.Message|Subject|MessageId|TopicArn
        Records.#.Sns.MessageAttributes.*.Type|Value
        Records.#.kinesis.data|partitionKey|sequenceNumber
        Records.#.dynamodb.Keys|NewImage|OldImage.*.S|N|B
        Records.#.s3.bucket.name|arn Records.#.s3.object.key|eTag|versionId
        detail-type awslogs.data
    """,
    _NUMBER: """
        requestContext.timeEpoch|requestTimeEpoch|connectedAt Records.#.s3.object.size
        Records.#.kinesis.approximateArrivalTimestamp
        Records.#.dynamodb.ApproximateCreationDateTime|SizeBytes
        records.*.#.partition|offset|timestamp
    """,
    _BOOLEAN: "isBase64Encoded",
    _NESTED: """
        headers multiValueHeaders multiValueHeaders.*
        requestContext requestContext.http|identity|elb
        pathParameters queryStringParameters multiValueQueryStringParameters
        multiValueQueryStringParameters.* stageVariables cookies Records Records.#
        Records.#.attributes|messageAttributes|Sns|kinesis|dynamodb|s3
    """,
}
_PATTERNS = [
    (tuple(part.split("|") for part in pattern.split(".")), shape)
    for shape, patterns in _SHAPES.items()
    for pattern in patterns.split()
]
_SEVERAL = ("headers", "queryStringParameters")  # texts, or lists of them: those of VPC Lattice
# No event of AWS's has members of two of these.
_KINDS_OF_EVENT = (
    (("httpMethod",), "API Gateway's payload 1.0 and load balancers"),
    (("rawPath",), "API Gateway's payload 2.0 and function URLs"),
    (("requestContext", "http"), "API Gateway's payload 2.0 and function URLs"),
    (("Records",), "batches of records"),
    (("detail-type",), "EventBridge"),
)


def doubts(configuration: Configuration, plan_name: str = PLAN) -> list[str]:
    """One line for each setting without effect: its name, and the reason.

    `plan_name` stands before the fields of the plan; empty if the reader knows the plan.
    """
    found = never_holding(configuration, plan_name) + list(_zeros(configuration, plan_name))
    over = configuration.over
    if over is not None:
        label = plan_name if over.variable == PLAN else over.variable
        found.append(f"{label} {over.message}".lstrip())
    return found


def never_holding(configuration: Configuration, plan_name: str = PLAN) -> list[str]:
    """A line for each condition or host that never applies."""
    found = []
    for variable, field, match in _matches(configuration):
        label = f"{plan_name if variable == PLAN else variable} {field}".strip()
        found += [f"{label} {why}" for why in _never(match)]
    redirect = configuration.settings.redirect
    for variable, field, fault, hosts in _hosts(configuration):
        label = f"{plan_name if variable == PLAN else variable} {field}".strip()
        kind = next(option.kind for option in fault.options if option.name == _HOSTS)
        names_only = isinstance(kind, HostList) and kind.names_only
        found += [
            f"{label} {why}" for why in without_effect(hosts, redirect, names_only=names_only)
        ]
    return found


def _hosts(configuration: Configuration) -> Iterator[tuple[str, str, Fault, Hosts]]:
    """Every list of hosts, with its variable, plan field and fault."""
    for fault, options in configuration.drafts:
        if options is not None and options.get(_HOSTS) is not None:
            yield f"{PREFIX}{fault.name.upper()}_HOSTS", "", fault, options[_HOSTS]
    plan = configuration.plan
    for place, (fault, options) in enumerate(plan.drafts if plan is not None else ()):
        if options is not None and options.get(_HOSTS) is not None:
            yield PLAN, f"faults[{place}].hosts", fault, options[_HOSTS]


def _zeros(configuration: Configuration, plan_name: str) -> Iterator[str]:
    """One line for each rate and max of 0."""
    plan = configuration.plan
    rules = [(f"{PREFIX}{fault.name.upper()}_", given) for fault, given in configuration.drafts]
    for place, (_, given) in enumerate(plan.drafts if plan is not None else ()):
        rules.append((f"{plan_name} faults[{place}].".lstrip(), given))
    inherited = False
    for label, given in rules:
        if given is None:
            continue
        inherited = inherited or given.get("rate") is None
        for option in ("rate", "max"):
            if given.get(option) == 0:
                name = option.upper() if label.endswith("_") else option
                yield f"{label}{name} is 0: this fault hits nothing"
    label, whole = f"{PREFIX}RATE", configuration.settings.rate
    if whole is None and plan is not None:
        label, whole = f"{plan_name} rate".lstrip(), plan.settings.rate
    if whole == 0 and inherited:
        yield f"{label} is 0: faults without a rate of their own hit nothing"


def _matches(configuration: Configuration) -> Iterator[tuple[str, str, Match]]:
    """Every match, with its variable, and its field if that is the plan."""
    if configuration.settings.match is not None:
        yield PREFIX + "MATCH", "", configuration.settings.match
    for fault, options in configuration.drafts:
        if options is not None and options.get("match") is not None:
            yield f"{PREFIX}{fault.name.upper()}_MATCH", "", options["match"]
    plan = configuration.plan
    if plan is not None and plan.settings.match is not None:
        yield PLAN, "match", plan.settings.match
    for place, (_, options) in enumerate(plan.drafts if plan is not None else ()):
        if options is not None and options.get("match") is not None:
            yield PLAN, f"faults[{place}].match", options["match"]


def _never(match: Match) -> Iterator[str]:
    """Why this match holds of no event, one line for each reason."""
    alone = False
    for condition in match.conditions:
        if why := _why_never(condition):
            alone = True
            yield f"can never hold: {condition.written} {why}"
    if alone:
        return
    for one, other in combinations(match.conditions, 2):
        if why := _why_not_both(one, other):
            yield f"can never hold: {one.written} and {other.written} {why}"


# -- one condition ----------------------------------------------------------------------------


def _why_never(condition: Condition) -> str:
    """Why no event meets this condition; empty if some may."""
    wanted = condition.expected
    if wanted.get("exists") is False:
        others = [name for name in wanted if name not in ("exists", "as")]
        if condition.path == ARN:
            return "is always there"
        return f"cannot be missing and have a value ({others[0]})" if others else ""
    left = _values(condition)
    if left == []:
        if "as" in wanted and all(type(value) is not str for value in _operands(condition)):
            return f"is compared as text, which {_listed(_operands(condition))} is not"
        return "cannot be all of this at once: " + ", ".join(n for n in wanted if n != "as")
    above = _above(condition.path)
    if above:
        return above
    if condition.path == ARN:
        begin = left if left is not None else [wanted["prefix"]] if "prefix" in wanted else []
        if begin and not any(type(each) is str and _may_begin(each, left) for each in begin):
            return "is always an ARN, which begins with arn:"
    return _why_not_of(condition, left)


def _operands(condition: Condition) -> list[Any]:
    """The values that `equals` and `in` ask for."""
    wanted = condition.expected
    return [wanted["equals"]] if "equals" in wanted else list(wanted.get("in", ()))


def _values(condition: Condition) -> list[Any] | None:
    """The only values that meet all operators; None if they are too many to list."""
    if not {"equals", "in"} & condition.expected.keys():
        return None
    return [value for value in _operands(condition) if condition.holds(value)]


def _may_begin(text: str, whole: Sequence[Any] | None) -> bool:
    return text.startswith("arn:") or (whole is None and "arn:".startswith(text))


def _why_not_of(condition: Condition, left: list[Any] | None) -> str:
    """Why the value at a known path never meets the condition; empty if it may."""
    shape = _TEXT if condition.of_head else _shape(condition.path)
    if shape is None:
        return ""
    known = "is always text" if condition.of_head else f"is {shape} in every event of AWS's"
    wanted = condition.expected
    if left is not None:
        as_text = "as" in wanted and shape != _NESTED
        if any(_is(shape, value, as_text) for value in left):
            return ""
        if None in left and not condition.of_head:  # such as the query parameters of no query
            return ""
        hint = ""
        if shape == _TEXT:
            hint = f"; allowed: {_listed([v if type(v) is str else dumps(v) for v in left])}"
        return f"{known}, which {_listed(left)} is not{hint}"
    asked = [name for name in ("prefix", "regex") if name in wanted]
    if not asked or shape == _TEXT or ("as" in wanted and shape != _NESTED):
        return ""
    hint = "" if shape == _NESTED else '; allowed: "as": "text" beside it'
    return f"{known}, in which {asked[0]} finds nothing{hint}"


def _is(shape: str, value: Any, as_text: bool) -> bool:
    if shape == _TEXT or as_text:
        return isinstance(value, str)
    return is_number(value) if shape == _NUMBER else shape == _BOOLEAN and isinstance(value, bool)


def _listed(values: Sequence[Any]) -> str:
    shown = [dumps(value) for value in values[:3]]
    return " or ".join(shown) + " and so on" * (len(values) > len(shown))


def _above(path: tuple[str, ...]) -> str:
    """Why nothing is at this path: text or a number is above it. Empty if there may be."""
    for length in range(1, len(path)):
        head = path[:length] in (ARN, QUALIFIER)
        shape = _TEXT if head else _shape(path[:length])
        if shape in (None, _NESTED) or (path[0] in _SEVERAL and _is_index(path[length])):
            continue
        above = ".".join(path[:length])
        known = "is always text" if head else f"is {shape} in every event of AWS's"
        return f"leads nowhere: {above} {known}" + "; allowed: a regex on it" * (shape == _TEXT)
    return ""


def _shape(path: tuple[str, ...]) -> str | None:
    """The kind of value that AWS's events have at this path; None if it is not known."""
    for parts, shape in _PATTERNS:
        if len(parts) == len(path) and all(map(_fits, parts, path)):
            return shape
    return None


def _fits(parts: Sequence[str], part: str) -> bool:
    return parts == ["*"] or part in parts or (parts == ["#"] and _is_index(part))


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdigit()


# -- two conditions ---------------------------------------------------------------------------


def _why_not_both(one: Condition, other: Condition) -> str:
    """Why no event meets both conditions; empty if some may."""
    if not (_needs(one) and _needs(other)):
        lower, upper = (one, other) if _needs(one) else (other, one)
        if _needs(lower) and not upper.of_head and _is_below(lower.path, upper.path):
            return "exclude each other: nothing is below what is missing"
        return ""
    if one.of_head and other.of_head:
        return _why_not_qualified(one, other)
    if one.of_head or other.of_head:
        return ""
    if _folded(one.path) == _folded(other.path):
        values = _values(one) or _values(other)
        if values and not any(one.holds(value) and other.holds(value) for value in values):
            return "are the same header, and exclude each other"
        return ""
    for upper, lower in ((one, other), (other, one)):
        if _is_below(lower.path, upper.path) and upper.expected.keys() - {"exists", "as"}:
            return "exclude each other: nothing is below a text, a number, true, false or null"
    kinds = [_kind_of_event(each.path) for each in (one, other)]
    if None not in kinds and kinds[0] != kinds[1]:
        return f"are never in one event of AWS's: they belong to {kinds[0]}, and to {kinds[1]}"
    return ""


def _why_not_qualified(one: Condition, other: Condition) -> str:
    """Why no ARN meets both the condition on it and the one on its qualifier."""
    arn, qualifier = (one, other) if one.path == ARN else (other, one)
    arns = _values(arn)
    if arns is None:
        return ""
    ends = [text.split(":", 7)[7] if text.count(":") > 6 else MISSING for text in arns]
    if any(map(qualifier.holds, ends)):
        return ""
    return "exclude each other: the qualifier is the last part of the ARN"


def _needs(condition: Condition) -> bool:
    """True if there must be something at its path."""
    return condition.expected.get("exists") is not False


def _is_below(path: tuple[str, ...], above: tuple[str, ...]) -> bool:
    return len(path) > len(above) and _folded(path)[: len(above)] == _folded(above)


def _folded(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path with names of headers in lower case."""
    return tuple(
        part.lower() if at and path[at - 1] in HEADERS else part for at, part in enumerate(path)
    )


def _kind_of_event(path: tuple[str, ...]) -> str | None:
    for begin, kind in _KINDS_OF_EVENT:
        if path[: len(begin)] == begin:
            return kind
    return None
