"""A function with neighbours under the real emulator: other extensions, proxies and wrappers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.emulator import RUNTIME, Emulator
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.namespaces import unshare_command
from neighbours import FUNCTIONS, WRAPPER, Compose, Run
from rie.support import Function


@pytest.fixture(scope="session", autouse=True)
def namespaces() -> None:
    """Skip where the layer cannot be mounted at /opt; on CI that is a failure."""
    try:
        unshare_command()
    except Failure as refused:
        machine.lacks(refused)


def _install(source: str, target: Path) -> None:
    """This program at this place, run by an interpreter that is not the layer's."""
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"#!{interpreter.found().path} -IS\n" + (FUNCTIONS / source).read_text())
    target.chmod(0o755)


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    """The layer's tree merged with other layers': extensions of these names, and WRAPPER."""

    def merged(*names: str) -> Path:
        tree = tmp_path / "opt"
        shutil.copytree(checkout.layer(downloads.architecture()), tree)
        for name in names:
            _install("other-extension", tree / "extensions" / name)
        _install("other-wrapper", tree / Path(WRAPPER).relative_to("/opt"))
        return tree

    return merged


@pytest.fixture
def run() -> Iterator[Run]:
    """Start the function with these variables; everything is stopped at the end of the test."""
    with ExitStack() as stack:

        def start(*, layer: Path | None = None, timeout: int = 10, **variables: str) -> Function:
            env = {
                "LAMBDA_RUNTIME_DIR": "/var/client",
                "PYTHONPATH": "/var/client",
                "_FAULTLAYER_PYTHON": interpreter.found().path,
                "OTHER_CODE": RUNTIME,
            }
            emulator = Emulator(
                LocalFunction(
                    FUNCTIONS / "guest", env=env | variables, timeout=timeout, layer=layer
                ),
                bootstrap=FUNCTIONS / "bootstrap",
                shown={"/var/client": downloads.runtime()},
                echo=False,
            )
            return Function(stack.enter_context(emulator))

        yield start
