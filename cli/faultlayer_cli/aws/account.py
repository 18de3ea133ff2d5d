"""The only door to AWS: the few calls that faultlayer makes, and their errors.

Only this module imports boto3. Credentials, regions, profiles and endpoints are found as boto3
finds them. Throttled calls are tried again with back-off. Every error is one line: `Mistake` (exit
code 2) for what the user typed, `Refused` (1) for what AWS answered.
https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from __future__ import annotations

import functools
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.exceptions as said
from botocore.config import Config
from botocore.parsers import ResponseParserError

from faultlayer_cli.errors import Failure, Mistake

WORKERS = 10
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 8},
    connect_timeout=10,
    read_timeout=30,
    max_pool_connections=WORKERS,
)
# Calls that only tell more than is needed: they must not keep anybody waiting.
_BRIEF = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5
)
_ASIDE = frozenset(("sts", "iam", "account", "ec2"))
_ENABLED = ["ENABLED", "ENABLED_BY_DEFAULT", "ENABLING", "DISABLING"]  # functions may run there
_ANY_REGION = "us-east-1"  # for questions that every region answers alike, if none is set
LATEST = "$LATEST"
_REQUEST = "the request"
_NOT_AWS = "the answer is not AWS's: look at AWS_ENDPOINT_URL"
_CONNECTS = 3  # attempts if nobody is there at all


class Refused(Failure):
    """AWS was asked and said no, or could not be reached."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason  # AWS's code for it; empty if nobody answered


class Unknown(Mistake):
    """The function, stack or layer that was named does not exist there."""


class Changed(Refused):
    """Someone else changed the function after it was read: nothing was done."""


class Busy(Refused):
    """The function has an update in progress: ask again later."""


class Unanswered(Refused):
    """No answer came: the request may have taken effect or not."""


@dataclass(frozen=True)
class Function:
    """A function's configuration as AWS has it, as far as it matters here."""

    name: str
    arn: str
    runtime: str  # empty for container images
    architecture: str  # x86_64 or arm64
    package: str  # Zip or Image
    layers: tuple[str, ...]  # ARNs of layer versions, in order
    variables: Mapping[str, str]
    unreadable: str  # why AWS hides the variables; empty if it does not
    state: str  # Pending, Active, Inactive, Failed; empty if AWS does not say
    state_reason: str
    update: str  # Successful, Failed, InProgress; empty if AWS does not say
    update_reason: str
    revision: str
    version: str = LATEST
    timeout: float = 0  # seconds; 0 if AWS does not say
    code: str = ""  # the SHA-256 of its package, base64

    @property
    def label(self) -> str:
        """The name, with the version if it is a published one: `orders:3`."""
        return self.name if self.version == LATEST else f"{self.name}:{self.version}"

    @property
    def settled(self) -> bool:
        """True if no update of it is under way."""
        return self.state != "Pending" and self.update != "InProgress"


@dataclass(frozen=True)
class Alias:
    """A name for a published version, or for two of them with weights."""

    name: str
    version: str
    weights: Mapping[str, float]  # share (0 to 1) of other versions; the rest is `version`'s

    def share(self, version: str) -> float:
        """The share (0 to 1) of the alias' invocations that this version gets."""
        if version == self.version:
            return max(0.0, 1 - sum(self.weights.values()))
        return self.weights.get(version, 0.0)


@dataclass(frozen=True)
class Identity:
    """The account: its number and alias, or why they are not known."""

    number: str  # empty if not known
    alias: str = ""  # empty if it has none, or may not be read
    unknown: str = ""  # why the number is not known

    def __str__(self) -> str:
        if not self.number:
            return f"account not known: {self.unknown}"
        return f"account {self.number}" + (f", {self.alias}" if self.alias else "")

    def as_json(self) -> dict[str, str | None]:
        return {"account": self.number or None, "account_alias": self.alias or None}


@dataclass(frozen=True)
class LayerVersion:
    """One version of a layer."""

    arn: str
    number: int
    description: str
    architectures: tuple[str, ...]
    sha256: str = ""  # of the zip, base64; empty if AWS was not asked for it


def function(told: Mapping[str, Any]) -> Function:
    """The function of a FunctionConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    """
    environment = told.get("Environment") or {}
    error = environment.get("Error")
    why = f"{error.get('ErrorCode', '')}: {error.get('Message', '')}" if error else ""
    return Function(
        name=_part(told, "FunctionName"),
        arn=told["FunctionArn"],
        runtime=told.get("Runtime") or "",
        architecture=(told.get("Architectures") or ["x86_64"])[0],
        package=told.get("PackageType") or "Zip",
        layers=tuple(layer["Arn"] for layer in told.get("Layers") or ()),
        variables=dict(environment.get("Variables") or {}),
        unreadable=why,
        state=told.get("State") or "",
        state_reason=told.get("StateReason") or "",
        update=told.get("LastUpdateStatus") or "",
        update_reason=told.get("LastUpdateStatusReason") or "",
        revision=told.get("RevisionId") or "",
        version=told.get("Version") or LATEST,
        code=told.get("CodeSha256") or "",
        timeout=told.get("Timeout") or 0,
    )


def alias(told: Mapping[str, Any]) -> Alias:
    """The alias of an AliasConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html
    """
    routing = told.get("RoutingConfig") or {}
    weights = routing.get("AdditionalVersionWeights") or {}
    return Alias(
        name=_part(told, "Name"),
        version=told["FunctionVersion"],
        weights={version: float(weight) for version, weight in weights.items()},
    )


def layer_version(told: Mapping[str, Any]) -> LayerVersion:
    return LayerVersion(
        arn=_part(told, "LayerVersionArn"),
        number=told["Version"],
        description=told.get("Description") or "",
        architectures=tuple(told.get("CompatibleArchitectures") or ()),
        sha256=(told.get("Content") or {}).get("CodeSha256") or "",
    )


def _part(told: Mapping[str, Any], key: str) -> Any:
    """A member that every such answer of AWS's has. Raises Unanswered if it is missing."""
    if key not in told:
        raise Unanswered(_NOT_AWS)
    return told[key]


class Account:
    """One region of one account; safe to use from several threads."""

    def __init__(
        self,
        session: boto3.Session,
        region: str,
        profile: str | None = None,
        parent: Account | None = None,
    ) -> None:
        self._session = session
        self._parent = parent
        # A session makes one client at a time.
        self._lock: threading.Lock = parent._lock if parent else threading.Lock()
        self._clients: dict[str, Any] = {}
        self._identity: Identity | None = None
        self.region = region
        self.profile = profile  # as it was typed

    # which account and which region

    def in_region(self, region: str) -> Account:
        """The same account in another region."""
        return Account(self._session, region, self.profile, self)

    def identity(self) -> Identity:
        """Number and alias of the account; asked for once. Raises Mistake if set up wrongly."""
        if self._parent:
            return self._parent.identity()
        if self._identity is None:
            self._identity = self._identified()
        return self._identity

    @property
    def place(self) -> str:
        """Region and account, for messages: `eu-west-1 (account 123456789012, shop)`."""
        return f"{self.region} ({self.identity()})"

    def as_json(self) -> dict[str, str | None]:
        """Account and region, for scripts."""
        return {**self.identity().as_json(), "region": self.region}

    def _identified(self) -> Identity:
        try:
            told = self.call("sts", "get_caller_identity")
        except Refused as refused:
            return Identity("", unknown=str(refused))
        try:
            named = self.call("iam", "list_account_aliases").get("AccountAliases") or [""]
        except (Refused, Unknown):
            named = [""]
        return Identity(str(told.get("Account") or ""), named[0])

    def regions(self) -> tuple[list[str], str]:
        """The regions that the account uses; and why they are only guessed, if they are.

        Guessed are all regions of Lambda in this partition, as far as this boto3 knows them.
        """
        try:
            pages = self.pages("account", "list_regions", RegionOptStatusContains=_ENABLED)
            return sorted(one["RegionName"] for page in pages for one in _part(page, "Regions")), ""
        except Refused:
            pass
        try:
            told = self.call("ec2", "describe_regions")
            return sorted(one["RegionName"] for one in _part(told, "Regions")), ""
        except Refused as refused:
            partition = self._session.get_partition_for_region(self.region)
            known = self._session.get_available_regions("lambda", partition_name=partition)
            return sorted({*known, self.region}), str(refused)

    # Lambda

    def function(self, name: str) -> Function:
        """Its unpublished version's configuration. Raises Unknown if there is no such function."""
        told = self.call("lambda", "get_function_configuration", FunctionName=name)
        return function(told)

    def functions(self) -> Iterator[Function]:
        """Every function of the region: its unpublished version."""
        for page in self.pages("lambda", "list_functions"):
            yield from map(function, _part(page, "Functions"))

    def all_versions(self) -> Iterator[Function]:
        """Every version of every function of the region, the unpublished ones among them.

        One list for all functions has 50 versions a call; a call for each function takes longer.
        """
        for page in self.pages("lambda", "list_functions", FunctionVersion="ALL"):
            yield from map(function, _part(page, "Functions"))

    def versions(self, name: str) -> Iterator[Function]:
        """Every version of one function, the unpublished one among them."""
        for page in self.pages("lambda", "list_versions_by_function", FunctionName=name):
            yield from map(function, _part(page, "Versions"))

    def aliases(self, name: str) -> Iterator[Alias]:
        """The function's aliases."""
        for page in self.pages("lambda", "list_aliases", FunctionName=name):
            yield from map(alias, _part(page, "Aliases"))

    def update(
        self,
        name: str,
        revision: str,
        *,
        layers: tuple[str, ...] | None,
        variables: Mapping[str, str] | None,
    ) -> Function:
        """Replace the layers and the variables, or one of them (None leaves it as it is).

        Raises Changed if the function is no longer at this revision, Busy if an update is in
        progress; nothing was done then.
        """
        wanted: dict[str, Any] = {"FunctionName": name}
        if revision:
            wanted["RevisionId"] = revision
        if layers is not None:
            wanted["Layers"] = list(layers)
        if variables is not None:
            wanted["Environment"] = {"Variables": dict(variables)}
        return function(self.call("lambda", "update_function_configuration", **wanted))

    def layer_versions(self, name: str) -> Iterator[LayerVersion]:
        """The layer's versions, newest first; none if there is no such layer."""
        try:
            for page in self.pages("lambda", "list_layer_versions", LayerName=name):
                yield from map(layer_version, _part(page, "LayerVersions"))
        except Unknown:
            return

    def layer_version(self, arn: str) -> LayerVersion:
        """The layer version of this ARN, also one that another account shares."""
        layer, _, number = arn.rpartition(":")
        found = self.call("lambda", "get_layer_version", LayerName=layer, VersionNumber=int(number))
        return layer_version(found)

    def publish_layer(
        self, name: str, archive: bytes, *, description: str, architecture: str
    ) -> LayerVersion:
        """Publish the zip as the layer's next version."""
        made = self.call(
            "lambda",
            "publish_layer_version",
            LayerName=name,
            Content={"ZipFile": archive},
            Description=description,
            CompatibleArchitectures=[architecture],
            LicenseInfo="Apache-2.0",
        )
        return layer_version(made)

    # how functions are found

    def tagged(self, key: str, value: str) -> Iterator[str]:
        """The names of the functions with this tag."""
        pages = self.pages(
            "resourcegroupstaggingapi",
            "get_resources",
            ResourceTypeFilters=["lambda:function"],
            TagFilters=[{"Key": key, "Values": [value]}],
        )
        for page in pages:
            for resource in _part(page, "ResourceTagMappingList"):
                yield resource["ResourceARN"].rpartition(":")[2]

    def in_stack(self, stack: str) -> Iterator[tuple[str, str]]:
        """Type and physical id of the stack's resources. Raises Unknown without such a stack."""
        for page in self.pages("cloudformation", "list_stack_resources", StackName=stack):
            for resource in _part(page, "StackResourceSummaries"):
                if not resource["ResourceStatus"].startswith("DELETE_COMPLETE"):
                    yield resource["ResourceType"], resource.get("PhysicalResourceId") or ""

    # how they are all made

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                try:
                    config = _BRIEF if service in _ASIDE else _CONFIG
                    client = self._session.client(service, self.region, config=config)
                except said.BotoCoreError:
                    raise
                except ValueError as error:  # of the endpoint's address
                    raise Mistake(f"{error}; allowed: a URL in AWS_ENDPOINT_URL") from None
                client.meta.events.register_first("needs-retry", _give_up)
                self._clients[service] = client
            return self._clients[service]

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        """Make one call, named as boto3 names it; its answer. Raises Mistake or Refused."""

        def ask() -> Any:
            return getattr(self._client(service), operation)(**arguments)

        return self._answered(ask, operation, arguments)

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
        """The answers to a call that comes in pages, each fetched when it is asked for."""

        def first() -> Any:
            return iter(self._client(service).get_paginator(operation).paginate(**arguments))

        pages = self._answered(first, operation, arguments)
        end = object()
        following = functools.partial(next, pages, end)
        while (page := self._answered(following, operation, arguments)) is not end:
            yield page

    def _answered(
        self, ask: Callable[[], Any], operation: str, arguments: Mapping[str, Any]
    ) -> Any:
        try:
            return ask()
        except said.ClientError as error:
            raise self._refusal(error, operation, arguments) from None
        except (said.ParamValidationError, UnicodeEncodeError):
            raise Mistake(f"{_subject(arguments)} is not a name that AWS allows") from None
        except (said.HTTPClientError, said.ConnectionError) as error:
            raise self._unreachable(error) from None
        except ResponseParserError:
            raise Unanswered(_NOT_AWS) from None
        except said.BotoCoreError as error:
            raise of_setup(error) from None

    def _refusal(
        self, error: said.ClientError, operation: str, arguments: Mapping[str, Any]
    ) -> Failure:
        """The meaning of the error that AWS answered with."""
        code = error.response.get("Error", {}).get("Code") or "an error"
        message = " ".join((error.response.get("Error", {}).get("Message") or "").split())
        # If they are too large, AWS repeats all variables, which may hold secrets.
        message = re.sub(r" ?String measured: .*", "", message)
        # AWS repeats a refused value, too.
        message = re.sub(r"\bValue '.*' at '(value|environment[^']*)'", r"Value at '\1'", message)
        subject = _subject(arguments)
        missing = code == "ParameterNotFound"
        missing = missing or (code == "ValidationError" and "does not exist" in message)
        if code == "ResourceNotFoundException":
            # An update names more than the function: its layers may be gone, or its key.
            missing = not operation.startswith("update_") or "unction not found" in message
        if missing:
            return Unknown(f"{subject} does not exist in {self.region}")
        action = "".join(word.capitalize() for word in operation.split("_"))
        asked = action if subject == _REQUEST else f"{action} {subject}"
        if code == "PreconditionFailedException":
            return Changed(f"{subject} was changed by someone else after it was read", code)
        if code == "ResourceConflictException":
            if re.search("in progress|Pending", message):
                return Busy(f"{subject} has an update in progress", code)
            return Busy(f"{asked}: AWS answers {code}: {message}", code)
        if code in _UNSIGNED:
            return Refused(
                f"{subject} takes signed layers alone, by its code signing configuration, and "
                f"faultlayer's is not signed: AWS answers {code}: {message}",
                code,
            )
        return Refused(f"{asked}: AWS answers {code}: {message}", code)

    def _unreachable(self, error: Exception) -> Failure:
        if isinstance(error, said.HTTPClientError):  # else there never was a connection
            name = type(error).__name__
            return Unanswered(f"AWS did not answer ({name}), and may have done what was asked")
        if self.region not in known_regions(self._session) and isinstance(
            error, said.EndpointConnectionError
        ):
            return Mistake(
                f"{self.region} is not a region of AWS Lambda; allowed: for example us-east-1"
            )
        return Refused(f"cannot reach AWS in {self.region}: {' '.join(str(error).split())}")


_UNSIGNED = ("CodeVerificationFailedException", "InvalidCodeSignatureException")
_SUBJECTS = (
    ("FunctionName", "function"),
    ("StackName", "stack"),
    ("Name", "parameter"),
    ("ApplicationId", "application"),
    ("logGroupName", "log group"),
    ("logGroupIdentifier", "log group"),
)


def _subject(arguments: Mapping[str, Any]) -> str:
    """The subject of a call, for messages."""
    for argument, kind in _SUBJECTS:
        if argument in arguments:
            return f"{kind} {arguments[argument]}"
    if "LayerName" in arguments:
        number = arguments.get("VersionNumber")
        return f"layer {arguments['LayerName']}" + (f":{number}" if number else "")
    return _REQUEST


def _give_up(attempts: int, caught_exception: Exception | None, **_: Any) -> None:
    """End boto3's attempts early if there is nobody to connect to."""
    if attempts >= _CONNECTS and isinstance(caught_exception, said.ConnectionError):
        raise caught_exception


def known_regions(session: boto3.Session) -> set[str]:
    """Lambda's regions, as far as this boto3 knows them."""
    partitions = session.get_available_partitions()
    return {
        region
        for partition in partitions
        for region in session.get_available_regions("lambda", partition_name=partition)
    }


def of_setup(error: Exception) -> Failure:
    """The error in a profile, a region or credentials, which the user can mend."""
    message = " ".join(str(error).split())
    if isinstance(error, said.ProfileNotFound):
        message = message.replace("The c", "c")
        return Mistake(f"{message}; allowed: a profile of your AWS configuration")
    if isinstance(error, said.NoRegionError):
        return Mistake("no region is set; allowed: --region, AWS_REGION or a profile with one")
    if isinstance(error, said.InvalidRegionError):
        return Mistake(f"{message.rstrip('.')}; allowed: for example us-east-1")
    if isinstance(error, said.NoCredentialsError):
        return Mistake("no AWS credentials were found; allowed: what the AWS command line accepts")
    if isinstance(error, said.PartialCredentialsError | said.ConfigParseError):
        return Mistake(f"{message}; allowed: what the AWS command line accepts")
    if isinstance(error, said.SSOError | said.TokenRetrievalError):
        return Mistake(f"{message}; allowed: after `aws sso login`")
    return Refused(f"{type(error).__name__}: {message}")


def open_account(profile: str | None, region: str | None, *, all_regions: bool = False) -> Account:
    """The account and region that the user means, as the AWS command line would find them.

    Raises Mistake for an unknown profile and if no region is set, unless all regions are meant.
    """
    if all_regions and region:
        raise Mistake("--region and --all-regions exclude each other; allowed: one of them")
    # boto3 knows AWS_DEFAULT_REGION only; the command line and all other SDKs AWS_REGION first.
    region = region or os.environ.get("AWS_REGION") or None
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        found = session.region_name or (_ANY_REGION if all_regions else None)
        if not found:
            raise said.NoRegionError
    except said.BotoCoreError as error:
        raise of_setup(error) from None
    return Account(session, found, profile)
