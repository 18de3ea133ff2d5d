"""A web server behind the real Lambda Web Adapter, with the layer, under the real emulator."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.namespaces import unshare_command
from faultlayer_cli.running.ports import free_port
from rie.support import Function
from web_adapter import adapter

FUNCTIONS = Path(__file__).parent / "functions"


class Site:
    """The web server, and how it was deployed: with the adapter's layer, or as an image.

    `program` is the adapter. `form`: `layer` or `image`.
    """

    def __init__(self, program: Path, form: str, opt: Path, stack: ExitStack) -> None:
        self.program = program
        self.form = form
        self._opt = opt
        self._stack = stack
        self.port = free_port()

    def start(self, *, told: str | None = "127.0.0.1:{port}", **variables: str) -> Function:
        """Start it. `told`: what the adapter's variable says (None: it is not set)."""
        env: dict[str, str | None] = {
            "AWS_EXECUTION_ENV": None,
            "_FAULTLAYER_PYTHON": interpreter.found().path,
            "AWS_LWA_PORT": str(free_port()),
            "FAULTLAYER_PORT": str(self.port),
            "AWS_LAMBDA_EXEC_WRAPPER": None,
        }
        if self.form == "layer":
            env["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/faultlayer-wrapper"
            env["FAULTLAYER_NEXT_WRAPPER"] = "/opt/bootstrap"
        if told is not None:
            env[adapter.VARIABLE] = told.format(port=self.port)
        function = LocalFunction(
            FUNCTIONS / "site", "run.sh", env | variables, timeout=6, layer=self._opt
        )
        bootstrap = FUNCTIONS / f"bootstrap-{self.form}"
        return Function(
            self._stack.enter_context(Emulator(function, bootstrap=bootstrap, echo=False))
        )


def seen(answer: Response) -> dict[str, Any]:
    """What the web server says of the request, through a status of 200."""
    response = json.loads(answer.body)
    assert response.get("statusCode") == 200, answer.body
    found: dict[str, Any] = json.loads(response["body"])
    return found


@pytest.fixture(scope="session", params=adapter.VERSIONS)
def program(request: pytest.FixtureRequest) -> Path:
    """The adapter of one version; skipped where it cannot be built."""
    try:
        unshare_command()
        return adapter.built(request.param, print)
    except (Failure, adapter.Unavailable) as lacking:
        machine.lacks(lacking)


@pytest.fixture(params=["layer", "image"])
def site(request: pytest.FixtureRequest, program: Path, tmp_path: Path) -> Iterator[Site]:
    """The web server with the adapter; everything is stopped at the end of the test."""
    opt = tmp_path / "opt"
    shutil.copytree(checkout.layer(downloads.architecture()), opt)
    shutil.copy(program, opt / "extensions" / adapter.NAME)
    shutil.copy(FUNCTIONS / "handler-wrapper", opt / "bootstrap")
    with ExitStack() as stack:
        yield Site(program, request.param, opt, stack)
