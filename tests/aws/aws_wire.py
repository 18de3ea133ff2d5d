"""What a request to AWS asks for, and how AWS words a refusal, in each protocol on the wire.

Lambda and AppConfig are REST with JSON: method and path say the operation. Tagging and the
Parameter Store are JSON with X-Amz-Target; CloudFormation, IAM, STS and EC2 are forms with an
Action; Account Management is REST with the operation as its path.
https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_FUNCTIONS = r"/2015-03-31/functions"
_LAYERS = r"/2018-10-31/layers"
_LAMBDA = [
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("GET", _FUNCTIONS + r"/?", "ListFunctions"),
        ("POST", _FUNCTIONS + r"/?", "CreateFunction"),
        ("GET", _FUNCTIONS + r"/([^/]+)/configuration", "GetFunctionConfiguration"),
        ("PUT", _FUNCTIONS + r"/([^/]+)/configuration", "UpdateFunctionConfiguration"),
        ("PUT", _FUNCTIONS + r"/([^/]+)/code", "UpdateFunctionCode"),
        ("GET", _FUNCTIONS + r"/([^/]+)", "GetFunction"),
        ("DELETE", _FUNCTIONS + r"/([^/]+)", "DeleteFunction"),
        ("POST", _FUNCTIONS + r"/([^/]+)/versions", "PublishVersion"),
        ("GET", _FUNCTIONS + r"/([^/]+)/versions", "ListVersionsByFunction"),
        ("POST", _FUNCTIONS + r"/([^/]+)/aliases", "CreateAlias"),
        ("GET", _FUNCTIONS + r"/([^/]+)/aliases", "ListAliases"),
        ("PUT", _FUNCTIONS + r"/([^/]+)/aliases/[^/]+", "UpdateAlias"),
        ("POST", _FUNCTIONS + r"/([^/]+)/invocations", "InvokeFunction"),
        ("GET", _LAYERS + r"/?", "ListLayers"),
        ("GET", _LAYERS + r"/([^/]+)/versions", "ListLayerVersions"),
        ("POST", _LAYERS + r"/([^/]+)/versions", "PublishLayerVersion"),
        ("GET", _LAYERS + r"/([^/]+)/versions/\d+", "GetLayerVersion"),
        ("DELETE", _LAYERS + r"/([^/]+)/versions/\d+", "DeleteLayerVersion"),
        ("GET", r"/[\d-]+/tags/(.+)", "ListTags"),
        ("POST", r"/[\d-]+/tags/(.+)", "TagResource"),
    )
]
_APPLICATION = r"/applications/[^/]+"
_ENVIRONMENT = _APPLICATION + r"/environments/([^/]+)"
_PROFILE = _APPLICATION + r"/configurationprofiles/([^/]+)"
_APPCONFIG = [
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("GET", r"/applications", "ListApplications"),
        ("POST", r"/applications", "CreateApplication"),
        ("GET", _APPLICATION + r"/environments", "ListEnvironments"),
        ("POST", _APPLICATION + r"/environments", "CreateEnvironment"),
        ("GET", _APPLICATION + r"/configurationprofiles", "ListConfigurationProfiles"),
        ("POST", _APPLICATION + r"/configurationprofiles", "CreateConfigurationProfile"),
        ("POST", _PROFILE + "/hostedconfigurationversions", "CreateHostedConfigurationVersion"),
        ("GET", _PROFILE + r"/hostedconfigurationversions/\d+", "GetHostedConfigurationVersion"),
        (
            "DELETE",
            _PROFILE + r"/hostedconfigurationversions/\d+",
            "DeleteHostedConfigurationVersion",
        ),
        ("GET", _ENVIRONMENT + "/deployments", "ListDeployments"),
        ("POST", _ENVIRONMENT + "/deployments", "StartDeployment"),
        ("GET", _ENVIRONMENT + r"/deployments/\d+", "GetDeployment"),
        ("DELETE", _ENVIRONMENT + r"/deployments/\d+", "StopDeployment"),
    )
]
_PREFIXES = {"tagging": "tag"}


@dataclass(frozen=True)
class Request:
    method: str
    target: str  # path and query
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Call:
    """One request as IAM sees it: `lambda:GetFunction`, of this function or layer, there."""

    action: str
    subject: str
    region: str


def call(request: Request) -> Call:
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)", request.headers["authorization"])
    assert scope, request.headers["authorization"]
    region, service = scope.groups()
    path = urlsplit(request.target).path
    prefix = _PREFIXES.get(service, service)
    if service == "lambda":
        operation, subject = _of_lambda(request, path)
    elif service == "logs":
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        subject = json.loads(request.body).get("logGroupName", "")
    elif service == "appconfig":
        operation, subject = _of_appconfig(request, path)
    elif service == "account":
        operation, subject = path[1:2].upper() + path[2:], ""  # /listRegions
    elif "x-amz-target" in request.headers:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        subject = json.loads(request.body or b"{}").get("Name", "")
    else:
        form = parse_qs(request.body.decode())
        operation, subject = form["Action"][0], form.get("StackName", [""])[0]
    return Call(f"{prefix}:{operation}", subject, region)


def _of_lambda(request: Request, path: str) -> tuple[str, str]:
    if path.rstrip("/") == _LAYERS and "find=LayerVersion" in request.target:
        return "GetLayerVersion", parse_qs(urlsplit(request.target).query)["Arn"][0]
    for method, pattern, operation in _LAMBDA:
        found = pattern.fullmatch(path)
        if found and method == request.method:
            named = unquote(found[1]) if found.groups() else ""
            if operation == "CreateFunction":
                named = json.loads(request.body)["FunctionName"]
            return operation, _name(named)
    return f"{request.method} {path}", ""


def _of_appconfig(request: Request, path: str) -> tuple[str, str]:
    for method, pattern, operation in _APPCONFIG:
        found = pattern.fullmatch(path.rstrip("/"))
        if found and method == request.method:
            return operation, found[1] if found.groups() else ""
    return f"{request.method} {path}", ""


def _name(named: str) -> str:
    """The bare name of a function or layer that was given as an ARN, or with a qualifier."""
    for kind in (":function:", ":layer:"):
        named = named.rpartition(kind)[2]
    return named.partition(":")[0] if "/" not in named else named


def error(request: Request, status: int, code: str, message: str) -> Answer:
    """A refusal as the service that was asked words it."""
    if "/ec2/aws4_request" in request.headers.get("authorization", ""):
        text = (
            f"<Response><Errors><Error><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error></Errors><RequestID>0</RequestID></Response>"
        )
        return Answer(status, (("Content-Type", "text/xml"),), text.encode())
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        text = (
            "<ErrorResponse><Error><Type>Sender</Type>"
            f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            "<RequestId>0</RequestId></ErrorResponse>"
        )
        return Answer(status, (("Content-Type", "text/xml"),), text.encode())
    text = json.dumps({"__type": code, "Type": "User", "message": message})
    kind = ("Content-Type", "application/json")
    return Answer(status, (kind, ("x-amzn-ErrorType", code)), text.encode())
