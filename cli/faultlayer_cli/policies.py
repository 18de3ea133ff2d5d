"""The IAM permissions that each command needs: one table, from which docs/iam.md is written.

It promises least privilege: every action here is called by the command in that case, or is
demanded by AWS on the way (`implied`); tests record the calls and compare.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_HERE = "arn:aws:lambda:eu-west-1:123456789012"
FUNCTION = f"{_HERE}:function:*"
LAYER = f"{_HERE}:layer:faultlayer-*"
LAYER_VERSION = f"{_HERE}:layer:faultlayer-*:*"
ANY_LAYER_VERSION = "arn:aws:lambda:eu-west-1:*:layer:*:*"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/*"
LOG_GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/*"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/KEY-ID"
ALL = "*"  # AWS knows no resources for this action

NAMED = "functions are named"
UNNAMED = "no function is named"


@dataclass(frozen=True)
class Permission:
    """One action on these resources; `when` is the case that needs it, empty where all do."""

    action: str
    resource: str
    when: str = ""
    implied: bool = False  # AWS demands it for another call; the command never calls it


_LIST_VERSIONS = Permission("lambda:ListLayerVersions", ALL)
_LIST = Permission("lambda:ListFunctions", ALL)
_READ = Permission("lambda:GetFunctionConfiguration", FUNCTION)
_UPDATE = Permission("lambda:UpdateFunctionConfiguration", FUNCTION)


def _if(when: str, permission: Permission) -> Permission:
    return Permission(permission.action, permission.resource, when, permission.implied)


# What Lambda checks for every layer that an update names: those that stay too.
_USE_LAYERS = Permission("lambda:GetLayerVersion", ANY_LAYER_VERSION, implied=True)

# No literal, since a fault's name in quotes is for the fault's own file alone.
COMMANDS: dict[str, tuple[Permission, ...]] = dict(  # noqa: C408
    publish=(
        _LIST_VERSIONS,
        Permission("lambda:GetLayerVersion", LAYER_VERSION, "the content is there already"),
        Permission("lambda:PublishLayerVersion", LAYER, "it is not there yet"),
    ),
    attach=(
        _if("without --layer-arn", _LIST_VERSIONS),
        Permission("lambda:GetLayerVersion", LAYER_VERSION, "--layer-arn"),
        _READ,
        _if("without --dry-run", _UPDATE),
        _if("without --dry-run", _USE_LAYERS),
    ),
    detach=(
        _READ,
        _if("without --dry-run", _UPDATE),
        _if("other layers stay", _USE_LAYERS),
    ),
    status=(
        _if(UNNAMED, _LIST),
        _if(NAMED, _READ),
    ),
    stop=(
        _if(UNNAMED, _LIST),
        _READ,
        _UPDATE,
        _if("--detach, and other layers stay", _USE_LAYERS),
    ),
    report=(
        Permission("logs:FilterLogEvents", LOG_GROUP),
        _if("--function", _READ),
    ),
)

# What is added by the ways to select functions, whatever the command.
SELECTIONS: dict[str, tuple[Permission, ...]] = {
    "names with a pattern such as 'orders-*'": (_LIST,),
    "--tag": (Permission("tag:GetResources", ALL),),
    "--stack": (Permission("cloudformation:ListStackResources", STACK),),
}

# What is added where variables are encrypted with a customer managed key.
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
    """The IAM policy that allows these, as JSON."""
    resources: dict[str, str] = {}
    for each in permissions:
        # Two cases of one action: the wider resource includes the narrower one.
        if each.action not in resources or each.resource == ANY_LAYER_VERSION:
            resources[each.action] = each.resource
    statements = []
    for resource in dict.fromkeys(resources.values()):
        actions = [action for action, there in resources.items() if there == resource]
        one = actions if len(actions) > 1 else actions[0]
        statements.append({"Effect": "Allow", "Action": one, "Resource": resource})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def page() -> list[str]:
    """The generated part of docs/iam.md, line by line."""
    return [*_table(), *_policies("##", COMMANDS, "`faultlayer {}`"), *_more()]


def _table() -> Iterator[str]:
    yield "| command | action | needed | |"
    yield "| --- | --- | --- | --- |"
    rows = [(f"`{name}`", each) for name, held in COMMANDS.items() for each in held]
    rows += [(_quoted(name), each) for name, held in SELECTIONS.items() for each in held]
    for name, each in rows:
        how = "checked by AWS, not called" if each.implied else ""
        yield f"| {name} | `{each.action}` | {_quoted(each.when or 'always')} | {how} |"


def _quoted(text: str) -> str:
    """The options in it as code."""
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
    yield from ("", "## More, for variables encrypted with a customer managed key")
    yield from _policies("###", {_upper(name): held for name, held in KMS.items()}, "{}")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
