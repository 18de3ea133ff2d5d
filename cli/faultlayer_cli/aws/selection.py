"""Which functions are meant: by name or pattern, by tag, or by CloudFormation stack.

A selection that finds nothing is an error. No function comes twice. `orders:$LATEST` is `orders`.
Published versions and aliases are refused, since their configuration cannot be changed.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faultlayer_cli.aws.account import Account, Unknown
from faultlayer_cli.errors import Mistake

_NAME = re.compile(r"[A-Za-z0-9_-]{1,140}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:(?P<name>[A-Za-z0-9_-]+)"
    r"(?P<qualifier>:.+)?"
)
_PARTIAL = re.compile(
    r"(?:(?:\d{12}:)?function:|\d{12}:)(?P<name>[A-Za-z0-9_-]+)(?::.+)?", re.ASCII
)
_PATTERN = re.compile(r"[A-Za-z0-9_*?\[\]!-]+")
_FUNCTION = "AWS::Lambda::Function"
_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Selection:
    """The names, tags or stacks that were typed to select functions; at most one of the three."""

    names: Sequence[str] = ()
    tags: Sequence[str] = ()
    stacks: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.tags or self.stacks)

    def __str__(self) -> str:
        return " and ".join(
            [
                *self.names,
                *(f"--tag {t}" for t in self.tags),
                *(f"--stack {s}" for s in self.stacks),
            ]
        )

    @property
    def arguments(self) -> list[str]:
        """The words that select the same functions on the command line."""
        tags = [word for tag in self.tags for word in ("--tag", tag)]
        return [*self.names, *tags, *(word for name in self.stacks for word in ("--stack", name))]

    def parts(self) -> list[Selection]:
        """Selections that find the same together, each of which may find nothing in a region."""
        if self.tags:
            return [self]
        names = [Selection(names=(name,)) for name in self.names]
        return names + [Selection(stacks=(stack,)) for stack in self.stacks]

    def __post_init__(self) -> None:
        if sum(map(bool, (self.names, self.tags, self.stacks))) > 1:
            raise Mistake("functions are selected in two ways; allowed: names, --tag or --stack")
        for tag in self.tags:
            if not all(tag.partition("=")[:2]):
                raise Mistake("--tag is not key=value; allowed: for example --tag team=orders")
        for name in self.names:
            _checked(name)

    def find(self, account: Account) -> list[str]:
        """The functions' names, in the order in which they were named or found.

        Raises Unknown if a pattern, tag or stack finds none; single names are not looked up.
        """
        if self.tags:
            return _tagged(account, self.tags)
        found = [name for stack in self.stacks for name in _in_stack(account, stack)]
        names = [_checked(name) for name in self.names]
        patterns = [name for name in names if _is_pattern(name)]
        known = [function.name for function in account.functions()] if patterns else []
        for name in names:
            found += (
                _matching(account, name, known) if name in patterns else [_named(account, name)]
            )
        return _once(found)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _is_pattern(name: str) -> bool:
    return not _ARN.fullmatch(name) and any(sign in name for sign in "*?[")


def _checked(typed: str) -> str:
    """The name, pattern or ARN, without `:$LATEST`. Raises Mistake."""
    name = typed.removesuffix(":$LATEST")
    if partial := _PARTIAL.fullmatch(name):
        raise Mistake(
            f"{name} is a part of an ARN; allowed: {partial['name']}, or the function's whole ARN"
        )
    arn = _ARN.fullmatch(name)
    bare, _, qualifier = name.partition(":")
    if arn:
        qualifier = arn["qualifier"] or ""
        bare = name.removesuffix(qualifier)
    if qualifier and (arn or _NAME.fullmatch(bare)):
        raise Mistake(
            f"{name} is a version or an alias, which cannot be changed; allowed: {bare}, which "
            "stands for its unpublished version ($LATEST)"
        )
    if not (arn or _NAME.fullmatch(name) or (_is_pattern(name) and _PATTERN.fullmatch(name))):
        raise Mistake(
            f"{name or 'an empty text'} is not a function's name; allowed: letters, digits, - and "
            "_, a pattern of these with * and ?, or the function's ARN"
        )
    return name


def _named(account: Account, name: str) -> str:
    arn = _ARN.fullmatch(name)
    if arn is None:
        return name
    if arn["region"] != account.region:
        raise Unknown(f"{name} is not in {account.region}; allowed: --region {arn['region']}")
    return name


def _matching(account: Account, pattern: str, known: Sequence[str]) -> list[str]:
    found = sorted(fnmatch.filter(known, pattern))
    if not found:
        raise Unknown(f"no function's name matches {pattern} in {account.region}")
    return found


def _tagged(account: Account, tags: Sequence[str]) -> list[str]:
    """The functions that have all these tags."""
    each = []
    for tag in tags:
        key, _, value = tag.partition("=")
        each.append(set(account.tagged(key, value)))
    found = sorted(set.intersection(*each))
    if not found:
        raise Unknown(f"no function has the tag {' and '.join(tags)} in {account.region}")
    return found


def _in_stack(account: Account, stack: str) -> list[str]:
    """The functions of the stack and of the stacks in it."""
    found: list[str] = []
    waiting = [stack]
    while waiting:
        for kind, name in account.in_stack(waiting.pop()):
            if kind == _FUNCTION and name:
                found.append(name)
            elif kind == _STACK and name:
                waiting.append(name)
    if not found:
        raise Unknown(f"stack {stack} has no function in {account.region}")
    return sorted(found)
