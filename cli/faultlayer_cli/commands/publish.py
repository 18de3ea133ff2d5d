"""`faultlayer publish`: the layers into an account and region, once.

It promises that all zips are looked at before the first is published, and that content which is
there already is not published again. Standard output has the ARNs, one per line.
https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from faultlayer_cli.aws.account import Account, open_account
from faultlayer_cli.aws.arn import is_ours
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import account_options
from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers import versions
from faultlayer_cli.terminal import say

_LONGEST = 140  # characters of a layer's name


@dataclass(frozen=True)
class Published:
    """What a zip became."""

    architecture: str
    arn: str
    sha256: str
    new: bool  # or it was there already


@click.command()
@click.option(
    "--arch",
    "architecture",
    type=click.Choice(versions.ARCHITECTURES),
    help="only the layer for this architecture [default: both]",
)
@click.option(
    "--zip",
    "zips",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    help="the zip of a layer [default: those of this installation]; may be repeated",
)
@click.option(
    "--name",
    metavar="PREFIX",
    default=versions.NAME,
    help="the layers are PREFIX-x86_64 and PREFIX-arm64; other than faultlayer, such as "
    "faultlayer-team, attach needs --layer-arn [default: faultlayer]",
)
@account_options
def publish(
    architecture: str | None,
    zips: Sequence[Path],
    name: str,
    profile: str | None,
    region: str | None,
    json_: bool,
) -> int:  # fmt: skip
    """Publish the layers to your AWS account, and print their ARNs.

    A version that has the same content already is used again. `faultlayer attach` then finds the
    newest layer for a function's architecture by itself.
    """
    _check(name)
    account = open_account(profile, region)
    packages = wanted(architecture, zips)
    done: list[Published] = []
    try:
        for package in packages:
            done.append(one(account, f"{name}-{package.architecture}", package))
            if not json_:
                print(f"{package.architecture:<6} {done[-1].arn}", flush=True)
    finally:
        if json_ and done:  # also where the second one failed
            published = [vars(each) for each in done]
            output.print_json({**account.as_json(), "layers": published})
    return 0


def _check(name: str) -> None:
    """Raises Mistake where detach would not recognise layers of this name."""
    full = f"{name}-{versions.ARCHITECTURES[0]}"
    if not is_ours(f":layer:{full}:1") or ":" in name or len(full) > _LONGEST:
        raise Mistake(
            f"--name {name} is not a name that detach would know as faultlayer's; allowed: "
            f"{versions.NAME}, or {versions.NAME}- and letters, digits, - and _"
        )


def wanted(architecture: str | None, zips: Sequence[Path]) -> list[versions.Package]:
    """The layers to publish, one for each architecture. Raises Mistake."""
    if not zips:
        return [
            versions.built(each) for each in versions.ARCHITECTURES if architecture in (None, each)
        ]
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


def one(account: Account, name: str, package: versions.Package) -> Published:
    """Publishes it unless its content is there; says which of the two."""
    there = versions.versions(account, name)
    found = versions.same(account, there, package)
    if found is None:
        say(f"publishing {name} to {account.place} ({len(package.data) / (1 << 20):.1f} MB)")
        found = account.publish_layer(
            name,
            package.data,
            description=package.description,
            architecture=package.architecture,
        )
        return Published(package.architecture, found.arn, package.sha256, True)
    say(f"{name} in {account.place} has this content already, as version {found.number}")
    if found.number != there[0].number:
        say(
            f"attach takes the newest, version {there[0].number}, unless --layer-arn says otherwise"
        )
    return Published(package.architecture, found.arn, package.sha256, False)
