"""Built layers as packages: whose they are, for which machine, and how they are found again."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers import versions

GOOD = {"architecture": "arm64", "faultlayer": "1.2.3"}


def zipped(manifest: Any = GOOD, but: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("extensions/faultlayer", "faultlayer-wrapper", "faultlayer/manifest.json"):
            if name != but:
                archive.writestr(name, json.dumps(manifest) if "manifest" in name else "x")
    return buffer.getvalue()


def test_a_package_is_described_by_what_is_in_it(tmp_path: Path) -> None:
    data = zipped()
    (tmp_path / "layer.zip").write_bytes(data)
    package = versions.package(tmp_path / "layer.zip")
    digest = hashlib.sha256(data)
    assert (package.architecture, package.version) == ("arm64", "1.2.3")
    assert package.digest == digest.hexdigest()
    assert package.sha256 == base64.b64encode(digest.digest()).decode()
    assert package.description == f"faultlayer 1.2.3 arm64 sha256:{digest.hexdigest()}"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zip",
        zipped(but="faultlayer-wrapper"),
        zipped(but="faultlayer/manifest.json"),
        zipped([]),
        zipped({"architecture": "sparc", "faultlayer": "1"}),
        zipped({"architecture": "arm64"}),
        zipped({"architecture": "arm64", "faultlayer": "a b"}),
    ],
    ids=range(8),
)
def test_what_is_none_of_ours_is_a_mistake(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "layer.zip"
    path.write_bytes(data)
    with pytest.raises(Mistake, match="is not a layer of faultlayer's; allowed: a zip"):
        versions.package(path)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="cannot read .*: No such file or directory"):
        versions.package(tmp_path / "none.zip")
