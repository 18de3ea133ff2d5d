"""The start for the plain AWS command line, run against an account that moto emulates."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer
from pages import ROOT

from faultlayer_cli.fleet.change import EXEC_WRAPPER, WRAPPER

FOLDER = ROOT / "examples" / "iac" / "aws-cli"
ROLE = "arn:aws:iam::123456789012:role/functions"
ADDED = {
    EXEC_WRAPPER: WRAPPER,
    "FAULTLAYER_LATENCY": "300ms",
    "FAULTLAYER_LATENCY_RATE": "20%",
}


@contextmanager
def account() -> Iterator[tuple[Any, dict[str, str]]]:
    """An empty account's front, strict as AWS is, and the environment of commands in it."""
    sys.path.append(str(ROOT / "tests" / "aws"))
    strict = importlib.import_module("strict")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # All of moto's servers in one process have one account.
    reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", b"", method="POST")
    urllib.request.urlopen(reset, timeout=60).close()
    front = strict.Front(host, port)
    try:
        environment = {
            "AWS_ENDPOINT_URL": front.url,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        yield front, environment
    finally:
        front.close()
        server.stop()


def client(environment: Mapping[str, str], service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def run(
    script: str, environment: Mapping[str, str], folder: Path, bin_dir: Path, refused: bool = False
) -> str:
    """What the script prints; its `aws` is the one in `bin_dir`."""
    path = f"{bin_dir}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", str(FOLDER / script)],
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) is refused, done.stderr
    return done.stdout


def state(environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Layers and variables of the function."""
    told = client(environment, "lambda").get_function_configuration(FunctionName="my-function")
    layers = [layer["Arn"] for layer in told.get("Layers", ())]
    return layers, dict(told.get("Environment", {}).get("Variables", {}))


def proven(tmp_path: Path, bin_dir: Path, had: Sequence[dict[str, str]]) -> None:
    """Publishes, attaches and detaches, on a function with each of these sets of variables."""
    with account() as (front, environment):
        _proven(front, environment, tmp_path, bin_dir, had)


def _proven(
    front: Any,
    environment: Mapping[str, str],
    tmp_path: Path,
    bin_dir: Path,
    had: Sequence[dict[str, str]],
) -> None:
    layer = run("publish.sh", environment, tmp_path, bin_dir).strip()
    assert ":layer:faultlayer-x86_64:" in layer
    aws = client(environment, "lambda")
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as archive:
        archive.writestr("app.py", "")
    code = (tmp_path / "function.zip").read_bytes()
    other = aws.publish_layer_version(LayerName="other", Content={"ZipFile": code})
    client(environment, "iam").create_role(
        RoleName="functions", AssumeRolePolicyDocument=json.dumps({"Statement": []})
    )
    for variables in had:
        layers = [other["LayerVersionArn"]] * bool(variables)
        aws.create_function(
            FunctionName="my-function",
            Role=ROLE,
            Runtime="python3.12",
            Handler="app.handler",
            Code={"ZipFile": code},
            Layers=layers,
            **({"Environment": {"Variables": variables}} if variables else {}),
        )
        with_arn = {**environment, "LAYER_ARN": layer}
        run("attach.sh", with_arn, tmp_path, bin_dir)
        assert state(environment) == ([*layers, layer], variables | ADDED)
        run("detach.sh", environment, tmp_path, bin_dir)
        assert state(environment) == (layers, variables)
        front.hide_variables("my-function")  # neither script may lose what it cannot read
        run("attach.sh", with_arn, tmp_path, bin_dir, refused=True)
        run("detach.sh", environment, tmp_path, bin_dir, refused=True)
        front.known("my-function").hidden = False
        assert state(environment) == (layers, variables)
        aws.delete_function(FunctionName="my-function")
