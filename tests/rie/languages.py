"""The same function in Python and in Node.js, each with its real runtime client."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.running.emulator import Emulator
from rie.support import Function
from runtimes import builds
from runtimes.languages import NODE, PYTHON

LANGUAGES = [PYTHON.name, NODE.name]
# The same for tests: Node.js needs a toolchain, which builds its client for minutes, once.
EACH = [PYTHON.name, pytest.param(NODE.name, marks=pytest.mark.whole)]


@contextlib.contextmanager
def running(
    language: str, sources: Path, variables: dict[str, str], **more: Any
) -> Iterator[Function]:
    """The function of this folder (app.py, index.mjs), with these variables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "function"
        shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("__pycache__"))
        env: dict[str, str | None] = {**variables}
        handler = PYTHON.handler
        if language == NODE.name:
            handler, more["bootstrap"] = NODE.handler, NODE.bootstrap
            env["AWS_EXECUTION_ENV"] = None
            (folder / "node_modules").mkdir()
            built = builds.build(NODE, print) / "node_modules"
            more["shown"] = {"/var/task/node_modules": built}
        with Emulator(folder, handler, env=env, **more) as emulator:
            yield Function(emulator)
