"""An AWS account over real HTTP: moto behind the strict front, found by the environment.

`aws` is the account, `make` makes functions in it, `cli` runs the command in this process and
`command` as a process of its own. Everything is as a user would have it: AWS_ENDPOINT_URL, a
region, credentials, and an empty configuration file to fill.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import types
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_support import CODE, REGION, Aws, Cli, Make, Said
from botocore.loaders import Loader
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer
from strict import Front

from faultlayer_cli import main

ROLE = "arn:aws:iam::123456789012:role/functions"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def _models_read_once() -> Iterator[None]:
    """Every run of the command reads boto3's service models: for all of them the same ones."""
    cache: dict[Any, Any] = {}
    begin = Loader.__init__

    def begin_with_cache(self: Loader, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        self._cache = cache

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "__init__", begin_with_cache)
        yield


@pytest.fixture(scope="session")
def _front(_moto: str, _models_read_once: None) -> Iterator[Front]:
    host, _, port = _moto.partition(":")
    front = Front(host, int(port))
    yield front
    front.close()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any trace of AWS, the caller's own included."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "FAULTLAYER_"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    for name, value in {
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def brief_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 waits between its attempts as ever, only shorter."""
    brief = types.SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
    monkeypatch.setattr("botocore.endpoint.time", brief)


@pytest.fixture
def aws(
    _moto: str,
    _front: Front,
    environment: Path,
    brief_back_off: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Aws:
    """An empty account, and an environment that leads there; functions only seem to run."""
    monkeypatch.setitem(default_user_config["lambda"], "use_docker", False)
    reset = urllib.request.Request(f"http://{_moto}/moto-api/reset", b"", method="POST")
    urllib.request.urlopen(reset, timeout=60).close()
    _front.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", _front.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return Aws(_front, environment / ".aws" / "config", environment / ".aws" / "credentials")


@pytest.fixture
def make(aws: Aws) -> Make:
    """Makes a function; gives back its ARN."""
    roles: set[str] = set()

    def function(
        name: str,
        runtime: str = "python3.12",
        architecture: str = "x86_64",
        layers: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        image: bool = False,
        tags: Mapping[str, str] | None = None,
        region: str = REGION,
    ) -> str:
        if not roles:
            aws.client("iam").create_role(
                RoleName="functions", AssumeRolePolicyDocument=json.dumps(_TRUST)
            )
            roles.add(ROLE)
        what: dict[str, Any] = {"FunctionName": name, "Role": ROLE}
        if image:
            uri = f"123456789012.dkr.ecr.{region}.amazonaws.com/images:{name}"
            what |= {"PackageType": "Image", "Code": {"ImageUri": uri}}
        else:
            what |= {"Runtime": runtime, "Handler": "app.handler", "Code": {"ZipFile": CODE}}
        if layers:
            what["Layers"] = list(layers)
        if variables is not None:
            what["Environment"] = {"Variables": dict(variables)}
        if tags:
            what["Tags"] = dict(tags)
        made = aws.client("lambda", region).create_function(Architectures=[architecture], **what)
        return str(made["FunctionArn"])

    return function


@pytest.fixture
def layer(aws: Aws) -> str:
    """faultlayer's own, published for x86_64."""
    return aws.ours("x86_64")


class _Typed(io.StringIO):
    """Standard input of someone at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def cli(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command with these arguments; `input` is typed at a terminal, else there is none."""

    def run(*arguments: object, input: str | None = None) -> Said:
        out, err = io.StringIO(), io.StringIO()
        stdin = io.StringIO() if input is None else _Typed(input)
        monkeypatch.setattr(sys, "stdin", stdin)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run([str(argument) for argument in arguments])
        return Said(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def command(environment: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the real command as a process of its own."""
    started: list[subprocess.Popen[str]] = []
    # Who runs the tests in the background of a shell has it ignored, and so would the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*arguments: object, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "faultlayer_cli", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        started.append(process)
        return process

    yield start
    signal.signal(signal.SIGINT, before)
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)
