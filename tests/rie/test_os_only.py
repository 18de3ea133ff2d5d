"""A package of an OS-only runtime, which ignores the exec wrapper, under the emulator."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from faultlayer_cli.layers.wrap_package import wrap
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction
from rie.conftest import PROBE
from rie.support import Function, told

OWN = """#!/bin/sh
cd "$LAMBDA_TASK_ROOT" && exec "$TEST_PYTHON" -m awslambdaric app.handler
"""


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """The folder of a deployed function that brings its own bootstrap, wrapped."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o100755 << 16
        archive.writestr(info, OWN)
    with zipfile.ZipFile(io.BytesIO(wrap(buffer.getvalue()))) as archive:
        for info in archive.infolist():
            path = tmp_path / info.filename
            path.write_bytes(archive.read(info))
            path.chmod(info.external_attr >> 16)
    shutil.copy(PROBE / "app.py", tmp_path)
    return tmp_path


def test_a_wrapped_package_gets_its_faults_without_the_exec_wrapper(deployed: Path) -> None:
    env = {
        "AWS_LAMBDA_EXEC_WRAPPER": None,
        "PYTHONPATH": "/var/client",
        "TEST_PYTHON": interpreter.found().path,
        "FAULTLAYER_STATUS": "503",
        "FAULTLAYER_STATUS_MAX": "1",
    }
    bootstrap = deployed / "bootstrap"
    shown = {"/var/client": downloads.runtime()}
    with Emulator(LocalFunction(deployed, env=env), bootstrap=bootstrap, shown=shown) as emulator:
        function = Function(emulator)
        assert json.loads(function.invoke().body)["statusCode"] == 503
        assert told(function.invoke())["runs"] == 1
