"""`faultlayer publish`: publish the layers to an account and region, each content once.

All zips are looked at before the first is published. Standard output has the ARNs, one per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from faultlayer_cli.aws.account import open_account
from faultlayer_cli.commands import output
from faultlayer_cli.commands.options import account_options, examples
from faultlayer_cli.layers import versions
from faultlayer_cli.layers.publish import Published, check_access, check_name, chosen_zips
from faultlayer_cli.layers.publish import publish as publish_layer
from faultlayer_cli.terminal import TERMINAL, put


@click.command(epilog=examples("faultlayer publish --region eu-west-1"))
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
    """Publish the layers to your account, and print their ARNs.

    A version that has the same content already is used again. `faultlayer attach` then finds the
    newest layer for a function's architecture by itself.
    """
    check_name(name)
    account = open_account(profile, region)
    if not zips:
        check_access(account, name)  # before a build, which takes a while
    packages = chosen_zips(architecture, zips, TERMINAL)
    done: list[Published] = []
    try:
        for package in packages:
            done.append(publish_layer(account, package, name, TERMINAL))
            if not json_:
                put(f"{package.architecture:<6} {done[-1].arn}")
    finally:
        if json_ and done:  # also if the second one failed
            published = [vars(each) for each in done]
            output.print_json({**account.as_json(), "layers": published})
    return 0
