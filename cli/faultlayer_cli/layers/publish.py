"""Publish layers to an account: each content once, found again by its digest.

https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.aws.account import Account
from faultlayer_cli.aws.arn import is_ours
from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers import versions
from faultlayer_cli.progress import SILENT, Progress

_LONGEST = 140  # characters of a layer's name


@dataclass(frozen=True)
class Published:
    """The layer version that a zip became, or was already."""

    architecture: str
    arn: str
    sha256: str
    new: bool


def check_name(name: str) -> None:
    """Raise Mistake if detach would not recognise layers of this name."""
    full = f"{name}-{versions.ARCHITECTURES[0]}"
    if not is_ours(f":layer:{full}:1") or ":" in name or len(full) > _LONGEST:
        raise Mistake(
            f"--name {name} is not a name that detach would know as faultlayer's; allowed: "
            f"{versions.NAME}, or {versions.NAME}- and letters, digits, - and _"
        )


def check_access(account: Account, name: str) -> None:
    """Raise Mistake or Refused if the caller's credentials cannot even list the layers there."""
    next(account.layer_versions(f"{name}-{versions.ARCHITECTURES[0]}"), None)


def chosen_zips(
    architecture: str | None, zips: Sequence[Path], progress: Progress = SILENT
) -> list[versions.Package]:
    """The layers to publish, at most one for each architecture. Raises Mistake."""
    if not zips:
        wanted = [each for each in versions.ARCHITECTURES if architecture in (None, each)]
        return [versions.built(each, progress) for each in wanted]
    found: dict[str, versions.Package] = {}
    for path in zips:
        package = versions.package(path)
        if architecture not in (None, package.architecture):
            raise Mistake(
                f"{path} is for {package.architecture}; allowed: a layer for {architecture}"
            )
        if package.architecture in found:
            raise Mistake(f"{path} is the second layer for {package.architecture}; allowed: one")
        found[package.architecture] = package
    return list(found.values())


def publish(
    account: Account,
    package: versions.Package,
    name: str = versions.NAME,
    progress: Progress = SILENT,
) -> Published:
    """Publish one layer as `name` and its architecture, unless its content is there already."""
    layer = f"{name}-{package.architecture}"
    there = versions.versions(account, layer)
    found = versions.same(account, there, package)
    if found is None:
        size = len(package.data) / (1 << 20)
        progress.note(f"publishing {layer} to {account.place} ({size:.1f} MB)")
        found = account.publish_layer(
            layer,
            package.data,
            description=package.description,
            architecture=package.architecture,
        )
        return Published(package.architecture, found.arn, package.sha256, True)
    progress.note(f"{layer} in {account.place} has this content already, as version {found.number}")
    if found.number != there[0].number:
        progress.note(
            f"attach takes the newest, version {there[0].number}, unless --layer-arn says otherwise"
        )
    return Published(package.architecture, found.arn, package.sha256, False)
