"""What is in a layer, as a CycloneDX bill of materials.

Everything in it is read from the layer's zip: the manifest in it names the packages.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from layer.packages import DEBIAN_NAMES

# The beginning of a package's name -> the license of what the layer has of it. pyproject.toml's
# license expression is ours and these.
LICENSES = {
    "libc6": "LGPL-2.1-or-later",
    "libexpat1": "MIT",
    "libpython3": "PSF-2.0",
    "python3": "PSF-2.0",
    "zlib1g": "Zlib",
}
OURS = "Apache-2.0"
_MANIFEST = "faultlayer/manifest.json"
_SPACE = uuid.UUID("6f1dbd1c-0c6c-5d0a-9d6e-6c1f4f0f6c55")  # of serial numbers; any fixed one


def write(archive: Path, when: int) -> Path:
    """The bill of materials of this layer's zip, beside it."""
    target = archive.with_suffix(".cdx.json")
    bom = bill(archive, when)
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", encoding="utf-8")
    return target


def bill(archive: Path, when: int) -> Bom:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    with zipfile.ZipFile(archive) as opened:
        manifest = json.loads(opened.read(_MANIFEST))
    layer = Component(
        name=archive.stem,
        version=manifest["faultlayer"],
        type=ComponentType.APPLICATION,
        bom_ref=archive.stem,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        licenses=[LicenseFactory().make_from_string(OURS)],
    )
    bom = Bom(serial_number=uuid.uuid5(_SPACE, digest))
    bom.metadata = BomMetaData(
        component=layer, timestamp=datetime.fromtimestamp(when, tz=timezone.utc)
    )
    packages = [
        _package(manifest, name, version) for name, version in sorted(manifest["packages"].items())
    ]
    bom.components.update(packages)
    bom.register_dependency(layer, packages)
    return bom


def license_of(package: str) -> str:
    """The license of what the layer has of a Debian package; KeyError if it is not known."""
    for beginning, name in LICENSES.items():
        if package.startswith(beginning):
            return name
    raise KeyError(f"release/contents.py has no license for the package {package}")


def _package(manifest: dict[str, Any], name: str, version: str) -> Component:
    origin, codename = manifest["distribution"].split()
    architecture = DEBIAN_NAMES[manifest["architecture"]]
    where = {"arch": architecture, "distro": codename}
    url = PackageURL("deb", origin.lower(), name, version, where)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        supplier=OrganizationalEntity(name=origin),
        licenses=[LicenseFactory().make_from_string(license_of(name))],
        purl=url,
        bom_ref=str(url),
    )
