"""faultlayer's layers: the zips that are built here, and their versions in an account.

A zip is published under the architecture that it was built for. The same content is found again.
Only layers that detach would recognise are ever attached.
https://docs.aws.amazon.com/lambda/latest/dg/creating-deleting-layers.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.aws.account import Account, LayerVersion
from faultlayer_cli.aws.arn import architecture_of
from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers import built as built_layers
from faultlayer_cli.progress import SILENT, Progress

NAME = "faultlayer"
ARCHITECTURES = ("x86_64", "arm64")
_MOST_BYTES = 50 << 20  # of a zip that is sent with the call
_MANIFEST = "faultlayer/manifest.json"
_PARTS = ("extensions/faultlayer", "faultlayer-wrapper", _MANIFEST)
_DESCRIPTION = re.compile(r"faultlayer (?P<version>\S+) \S+ sha256:(?P<digest>[0-9a-f]{64})")
_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:layer:[A-Za-z0-9_-]+:[1-9]\d{0,17}"
)


@dataclass(frozen=True)
class Package:
    """A built layer: its zip and its manifest."""

    data: bytes
    architecture: str
    version: str  # of faultlayer

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def sha256(self) -> str:
        """The digest as AWS has it of a layer version."""
        return base64.b64encode(bytes.fromhex(self.digest)).decode()

    @property
    def description(self) -> str:
        """The description by which a version is found: lists of versions lack AWS's own digest."""
        return f"{NAME} {self.version} {self.architecture} sha256:{self.digest}"


def package(path: Path) -> Package:
    """The layer in this zip. Raises Mistake if it is not faultlayer's."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Mistake(f"cannot read {path}: {error.strerror}") from None
    wrong = f"{path} is not a layer of faultlayer's; allowed: a zip that build.sh wrote"
    try:
        with zipfile.ZipFile(path) as archive:
            if not set(_PARTS) <= set(archive.namelist()):
                raise Mistake(wrong)
            manifest = json.loads(archive.read(_MANIFEST))
        architecture, version = manifest["architecture"], manifest["faultlayer"]
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, NotImplementedError):
        raise Mistake(wrong) from None
    if architecture not in ARCHITECTURES or not re.fullmatch(r"[\w.+!-]{1,60}", str(version)):
        raise Mistake(wrong)
    if len(data) > _MOST_BYTES:
        raise Mistake(f"{path} is larger than the {_MOST_BYTES >> 20} MB that Lambda takes")
    return Package(data, architecture, version)


def built(architecture: str, progress: Progress = SILENT) -> Package:
    """The layer of this checkout or installation, built first if that is due."""
    return package(built_layers.archive(architecture, progress))


def versions(account: Account, name: str) -> Sequence[LayerVersion]:
    """All versions of the layer, the newest first."""
    found = account.layer_versions(name)
    return sorted(found, key=lambda version: version.number, reverse=True)


def same(
    account: Account, candidates: Sequence[LayerVersion], wanted: Package
) -> LayerVersion | None:
    """The newest of these versions with exactly this content; None if none has it."""
    for version in candidates:
        described = _DESCRIPTION.fullmatch(version.description)
        if described and described["digest"] == wanted.digest:
            # Anyone may write a description: AWS's own digest decides.
            found = account.layer_version(version.arn)
            if found.sha256 == wanted.sha256:
                return found
    return None


def newest(account: Account, architecture: str) -> LayerVersion:
    """The newest published layer for this architecture. Raises Mistake if there is none."""
    name = f"{NAME}-{architecture}"
    found = versions(account, name)
    if not found:
        raise Mistake(f"no {name} layer in {account.region}; run: faultlayer publish")
    return found[0]


def version_of(layer: LayerVersion) -> str | None:
    """The version of faultlayer in it; None if its description does not have it."""
    found = _DESCRIPTION.fullmatch(layer.description)
    return found["version"] if found else None


def chosen(account: Account, arn: str, architecture: str) -> LayerVersion:
    """The layer version of this ARN, for a function of this architecture.

    Raises Mistake if it is not faultlayer's, does not exist there or is for the other one.
    """
    form = _ARN.fullmatch(arn)
    if form is None:
        raise Mistake(
            f"{arn} is not the ARN of a layer version; allowed: for example "
            f"arn:aws:lambda:{account.region}:123456789012:layer:{NAME}-{architecture}:1"
        )
    if form["region"] != account.region:
        raise Mistake(f"{arn} is not in {account.region}; allowed: --region {form['region']}")
    there = architecture_of(arn)
    if not there:
        raise Mistake(
            f"{arn} is not a layer that detach would know as faultlayer's; allowed: names such as "
            f"{NAME}-{architecture} and {NAME}-team-{architecture}"
        )
    if there != architecture:
        raise Mistake(
            f"{arn} is for {there}, and the function for {architecture}; allowed: the layer for "
            f"{architecture}, or no --layer-arn, which finds the right one for each function"
        )
    return account.layer_version(arn)
