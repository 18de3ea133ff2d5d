"""The size of /tmp in `faultlayer local`: Lambda's, not the machine's, so a full disk is cheap."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli_support import Started

FULL = """
import os
def handler(event, context):
    space = os.statvfs("/tmp")
    told = {"size": space.f_blocks * space.f_frsize >> 20, "free": space.f_bfree * space.f_frsize}
    try:
        with open("/tmp/f", "wb", buffering=0) as file:
            for _ in range(event["mb"]):
                file.write(bytes(1 << 20))
    except OSError as error:
        told["errno"] = error.errno
    return told
"""

here = pytest.mark.usefixtures("namespaces")


@pytest.fixture
def full(tmp_path: Path) -> Path:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "app.py").write_text(FULL)
    return folder


def ask(started: Started, folder: Path, event: Any, *arguments: object) -> Any:
    process = started("local", folder, "--invoke", "-", "--function-timeout", "20", *arguments)
    out, err = process.communicate(json.dumps(event), timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


@here
@pytest.mark.parametrize(("arguments", "size"), [([], 512), (["--function-storage", "600"], 600)])
def test_tmp_has_the_size_that_lambda_gives(
    started: Started, full: Path, arguments: list[str], size: int
) -> None:
    told = ask(started, full, {"mb": 1}, *arguments)
    assert told["size"] == size
    assert "errno" not in told


@here
def test_a_full_disk_is_the_function_s_own_and_leaves_the_machine_s_alone(
    started: Started, full: Path
) -> None:
    before = os.statvfs("/tmp").f_bfree * os.statvfs("/tmp").f_frsize
    told = ask(started, full, {"mb": 20}, "--disk", "free:10MB")
    assert told == {"size": 512, "free": 10 << 20, "errno": errno.ENOSPC}
    left = os.statvfs("/tmp").f_bfree * os.statvfs("/tmp").f_frsize
    assert before - left < 400 << 20, "others write there too, but not that much"
