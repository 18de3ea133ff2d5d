"""The bill of materials: valid CycloneDX, and it names every package that is in the layer."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from release_support import EPOCH

from hatch_build import ARCHITECTURES
from release import contents

DEBIAN = {"x86_64": "amd64", "arm64": "arm64"}


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def text(dist: Path, architecture: str) -> str:
    return (dist / f"faultlayer-{architecture}.cdx.json").read_text()


@pytest.fixture
def bill(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_valid(text: str):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_describes_this_very_zip(dist: Path, bill: dict[str, Any], architecture: str):
    layer = bill["metadata"]["component"]
    archive = dist / f"faultlayer-{architecture}.zip"
    assert layer["name"] == f"faultlayer-{architecture}"
    assert layer["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(archive.read_bytes()).hexdigest()}
    ]


def test_every_package_of_the_layer_is_named(dist: Path, bill: dict[str, Any], architecture: str):
    with zipfile.ZipFile(dist / f"faultlayer-{architecture}.zip") as archive:
        manifest = json.loads(archive.read("faultlayer/manifest.json"))
        papers = {name.split("/")[2] for name in archive.namelist() if "/licenses/" in name}
    named = {each["name"]: each for each in bill["components"]}
    assert {name: each["version"] for name, each in named.items()} == manifest["packages"]
    assert set(named) == papers - {"", "faultlayer"}
    origin, codename = manifest["distribution"].split()
    for name, each in named.items():
        assert each["purl"].startswith(f"pkg:deb/{origin.lower()}/{name}@")
        assert each["purl"].endswith(f"?arch={DEBIAN[architecture]}&distro={codename}")
        assert each["licenses"] and each["supplier"]["name"] == origin


def test_the_layer_depends_on_all_of_them(bill: dict[str, Any]):
    root = bill["metadata"]["component"]["bom-ref"]
    (depends,) = (each["dependsOn"] for each in bill["dependencies"] if each["ref"] == root)
    assert sorted(depends) == sorted(each["bom-ref"] for each in bill["components"])


def test_the_same_zip_gives_the_same_bill(dist: Path, text: str, architecture: str, tmp_path: Path):
    copy = tmp_path / f"faultlayer-{architecture}.zip"
    copy.write_bytes((dist / copy.name).read_bytes())
    assert contents.write(copy, EPOCH).read_text() == text


def test_a_package_of_unknown_license_is_not_passed_over():
    with pytest.raises(KeyError, match="libssl3"):
        contents.license_of("libssl3")
