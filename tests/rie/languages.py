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
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.terminal import TERMINAL
from rie.support import Function
from runtimes import builds
from runtimes.languages import NODE, PYTHON

LANGUAGES = [PYTHON.name, NODE.name]
# The same for tests: Node.js needs a toolchain, which builds its client for minutes, once.
EACH = [PYTHON.name, pytest.param(NODE.name, marks=pytest.mark.whole)]


@contextlib.contextmanager
def running(
    language: str, sources: Path, variables: dict[str, str], *, echo: bool = True, **settings: Any
) -> Iterator[Function]:
    """The function of this folder (app.py, index.mjs), with these variables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "function"
        shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("__pycache__"))
        env: dict[str, str | None] = {**variables}
        handler = PYTHON.handler
        place: dict[str, Any] = {}
        if language == NODE.name:
            handler, place["bootstrap"] = NODE.handler, NODE.bootstrap
            env["AWS_EXECUTION_ENV"] = None
            (folder / "node_modules").mkdir()
            built = builds.build(NODE, print) / "node_modules"
            place["shown"] = {"/var/task/node_modules": built}
        function = LocalFunction(folder, handler, env, **settings)
        with Emulator(function, echo=echo, progress=TERMINAL, **place) as emulator:
            yield Function(emulator)
