"""The IAM permissions that each command needs: one table, from which docs/iam.md is written.

Least privilege: the command calls every action here in that case, or AWS demands it on the way
(`implied`). Tests record the calls and compare.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_appconfig.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

_HERE = "arn:aws:lambda:eu-west-1:123456789012"
FUNCTION = f"{_HERE}:function:*"
LAYER = f"{_HERE}:layer:faultlayer-*"
LAYER_VERSION = f"{_HERE}:layer:faultlayer-*:*"
ANY_LAYER_VERSION = "arn:aws:lambda:eu-west-1:*:layer:*:*"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/*"
LOG_GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/*"
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/*"
APPLICATION = "arn:aws:appconfig:eu-west-1:123456789012:application/*"  # and all that is in it
STRATEGY = "arn:aws:appconfig:eu-west-1:123456789012:deploymentstrategy/AppConfig.AllAtOnce"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/KEY-ID"
ALL = "*"  # AWS knows no resources for this action

WITHOUT = "it goes on without"
NO_ALIAS = "it says the account's number alone"
DOUBT = "it says what is not known, and ends with 1"
ASKS = "it asks"
ARMED = "a published version is armed"
FOREVER = "--forever"
NO_PLAN = "the text there is no plan"
EVERYWHERE = "--all-regions"
LISTED = "--all-regions, and account:ListRegions is denied"
NAMED = "functions are named"
UNNAMED = "no function is named"
SELECTED = "--function, --tag or --stack"


@dataclass(frozen=True)
class Permission:
    """One action on these resources; `when` is the case that needs it, empty if all do."""

    action: str
    resource: str
    when: str = ""
    implied: bool = False  # AWS demands it for another call; the command never calls it
    denied: str = ""  # the command's behaviour without it; empty if it cannot work then

    @property
    def how(self) -> str:
        """A remark on the action, for the page."""
        if self.implied:
            return "checked by AWS, not called"
        return f"denied, {self.denied}" if self.denied else ""


_LIST_VERSIONS = Permission("lambda:ListLayerVersions", ALL)
_LIST = Permission("lambda:ListFunctions", ALL)
_READ = Permission("lambda:GetFunctionConfiguration", FUNCTION)
_UPDATE = Permission("lambda:UpdateFunctionConfiguration", FUNCTION)


_WHO = Permission("iam:ListAccountAliases", ALL, denied=NO_ALIAS)
_VERSIONS = Permission("lambda:ListVersionsByFunction", FUNCTION, denied=DOUBT)
_ALIASES = Permission("lambda:ListAliases", FUNCTION, ARMED, denied=DOUBT)
_REGIONS = (
    Permission("account:ListRegions", ALL, EVERYWHERE, denied=WITHOUT),
    Permission("ec2:DescribeRegions", ALL, LISTED, denied=WITHOUT),
)


def _if(when: str, permission: Permission) -> Permission:
    return replace(permission, when=when)


# Lambda checks this for every layer that an update names, also for those that stay.
_USE_LAYERS = Permission("lambda:GetLayerVersion", ANY_LAYER_VERSION, implied=True)

COMMANDS: dict[str, tuple[Permission, ...]] = {
    "publish": (
        _WHO,
        _LIST_VERSIONS,
        Permission("lambda:GetLayerVersion", LAYER_VERSION, "the content is there already"),
        Permission("lambda:PublishLayerVersion", LAYER, "it is not there yet"),
    ),
    "attach": (
        _WHO,
        _if("without --layer-arn", _LIST_VERSIONS),
        Permission("lambda:GetLayerVersion", LAYER_VERSION, "--layer-arn"),
        _READ,
        _if("without --dry-run", _UPDATE),
        _if("without --dry-run", _USE_LAYERS),
        replace(_ALIASES, when=FOREVER, denied=ASKS),
        replace(_VERSIONS, when=FOREVER, denied=ASKS),
    ),
    "detach": (
        _WHO,
        _READ,
        _VERSIONS,
        _ALIASES,
        _if("without --dry-run", _UPDATE),
        _if("other layers stay", _USE_LAYERS),
    ),
    "status": (
        _WHO,
        _if(UNNAMED, _LIST),
        _if(NAMED, _READ),
        _if(NAMED, _VERSIONS),
        _ALIASES,
        *_REGIONS,
    ),
    "stop": (
        _WHO,
        _if(UNNAMED, _LIST),
        _READ,
        _if("without --dry-run", _UPDATE),
        _if(NAMED, _VERSIONS),
        _ALIASES,
        *_REGIONS,
        _if("--detach, and other layers stay", _USE_LAYERS),
    ),
    "report": (
        _WHO,
        Permission("logs:FilterLogEvents", LOG_GROUP),
        _if(SELECTED, _READ),
    ),
}

_GET_PARAMETER = Permission("ssm:GetParameter", PARAMETER)
_PUT_PARAMETER = Permission("ssm:PutParameter", PARAMETER)
_FIND = (
    Permission("appconfig:ListApplications", ALL),
    Permission("appconfig:ListEnvironments", APPLICATION),
    Permission("appconfig:ListConfigurationProfiles", APPLICATION),
    Permission("appconfig:ListDeployments", APPLICATION),
)
_GET_VERSION = Permission("appconfig:GetHostedConfigurationVersion", APPLICATION)
_DEPLOY = (
    Permission("appconfig:CreateHostedConfigurationVersion", APPLICATION),
    Permission("appconfig:StartDeployment", APPLICATION),
    Permission("appconfig:StartDeployment", STRATEGY, implied=True),
    Permission("appconfig:GetDeployment", APPLICATION),
)
_STOP = Permission(
    "appconfig:StopDeployment", APPLICATION, "a deployment of the plan is in progress"
)
_READERS = replace(_LIST, denied=WITHOUT)
_JUDGED = replace(_LIST, when=NO_PLAN, denied="it refuses without --yes")

_DISARM_PARAMETER = (replace(_GET_PARAMETER, denied=WITHOUT), _PUT_PARAMETER)
_DISARM_PROFILE = (
    *_FIND[:-1],
    replace(_FIND[-1], denied=WITHOUT),  # unless a deployment is in progress
    replace(_GET_VERSION, denied=WITHOUT),
    *_DEPLOY,
    _STOP,
)

COMMANDS |= {
    "arm --ssm": (_WHO, _GET_PARAMETER, _READERS, _if("without --dry-run", _PUT_PARAMETER)),
    "arm --appconfig": (
        _WHO,
        *_FIND,
        _GET_VERSION,
        _READERS,
        *(_if("without --dry-run", each) for each in _DEPLOY),
    ),
    "disarm --ssm": (_WHO, *_DISARM_PARAMETER, _JUDGED),
    "disarm --appconfig": (_WHO, *_DISARM_PROFILE, _JUDGED),
    "show --ssm": (_WHO, _GET_PARAMETER),
    "show --appconfig": (_WHO, *_FIND, _GET_VERSION),
    "explain --plan ssm:": (_WHO, _GET_PARAMETER),
    "explain --plan appconfig:": (_WHO, *_FIND, _GET_VERSION),
}

# Added for stop if no function is named, and some read a live plan.
LIVE: dict[str, tuple[Permission, ...]] = {
    "from a parameter": _DISARM_PARAMETER,
    "from AppConfig": _DISARM_PROFILE,
}

# Added for status if functions read a live plan.
READ_LIVE: dict[str, tuple[Permission, ...]] = {
    "from a parameter": (replace(_GET_PARAMETER, denied=DOUBT),),
    "from AppConfig": tuple(replace(one, denied=DOUBT) for one in (*_FIND, _GET_VERSION)),
}

# The permissions that each way to select functions adds, for any command.
SELECTIONS: dict[str, tuple[Permission, ...]] = {
    "names with a pattern such as 'orders-*'": (_LIST,),
    "--tag": (Permission("tag:GetResources", ALL),),
    "--stack": (Permission("cloudformation:ListStackResources", STACK),),
}

# Added if variables are encrypted with a customer managed key.
KMS: dict[str, tuple[Permission, ...]] = {
    "to read them: attach, detach, status, stop": (Permission("kms:Decrypt", KEY, implied=True),),
    "to write them as well: attach, detach, stop": (
        Permission("kms:Decrypt", KEY, implied=True),
        Permission("kms:Encrypt", KEY, implied=True),
        Permission("kms:CreateGrant", KEY, implied=True),
    ),
}


def called(permissions: Iterable[Permission], *cases: str) -> set[str]:
    """The actions that a command calls in these cases."""
    return {each.action for each in permissions if not each.implied and each.when in ("", *cases)}


def policy(permissions: Sequence[Permission]) -> str:
    """The IAM policy that allows these actions, as JSON."""
    resources: dict[str, tuple[str, ...]] = {}
    for each in permissions:
        held = resources.get(each.action, ())
        # Two cases of one action: any layer version includes ours.
        if each.resource == ANY_LAYER_VERSION or not held:
            resources[each.action] = (each.resource,)
        elif each.resource not in held and ANY_LAYER_VERSION not in held:
            resources[each.action] = (*held, each.resource)
    statements = []
    for there in dict.fromkeys(resources.values()):
        actions = [action for action, where in resources.items() if where == there]
        statements.append(
            {"Effect": "Allow", "Action": _one_or_all(actions), "Resource": _one_or_all(there)}
        )
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def _one_or_all(texts: Sequence[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else list(texts)


def page() -> list[str]:
    """The generated part of docs/iam.md, line by line."""
    return [*_table(), *_policies("##", COMMANDS, "`faultlayer {}`"), *_more()]


def _table() -> Iterator[str]:
    yield "| command | action | needed | |"
    yield "| --- | --- | --- | --- |"
    rows = [(f"`{name}`", each) for name, held in COMMANDS.items() for each in held]
    rows += [(_quoted(name), each) for name, held in SELECTIONS.items() for each in held]
    rows += [
        (f"`{command}` of plans {name}", each)
        for command, table in (("status", READ_LIVE), ("stop", LIVE))
        for name, held in table.items()
        for each in held
    ]
    for name, each in rows:
        yield f"| {name} | `{each.action}` | {_quoted(each.when or 'always')} | {each.how} |"


def _quoted(text: str) -> str:
    """The text with its options marked as code."""
    return re.sub(r"--[a-z-]+|'.+'", lambda found: f"`{found[0]}`", text)


def _policies(level: str, table: dict[str, tuple[Permission, ...]], title: str) -> Iterator[str]:
    for name, permissions in table.items():
        yield from ("", f"{level} {title.format(name)}", "", "```json")
        yield from policy(permissions).splitlines()
        yield "```"


def _more() -> Iterator[str]:
    yield from ("", "## More, for some ways to select functions")
    yield from _policies(
        "###", {_quoted(_upper(name)): held for name, held in SELECTIONS.items()}, "{}"
    )
    for command, table in (("status", READ_LIVE), ("stop", LIVE)):
        yield from ("", f"## More, for `faultlayer {command}` if functions read live plans")
        yield from _policies(
            "###", {f"{command}, {name}": held for name, held in table.items()}, "{}"
        )
    yield from ("", "## More, for variables encrypted with a customer managed key")
    yield from _policies("###", {_upper(name): held for name, held in KMS.items()}, "{}")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
