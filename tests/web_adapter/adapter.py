"""The real Lambda Web Adapter, built from its crate once, and events for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from building import Unavailable, alone, run

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "web-adapter"
CRATE = "lambda_web_adapter"
NAME = "lambda-adapter"
VARIABLE = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
# The first that knows the variable, and the first that registers through it: no release yet, and
# minutes to build as well.
VERSIONS = ("0.9.1", pytest.param("1.0.0-rc1", marks=pytest.mark.nightly))
_OLDEST = (1, 85)  # of Rust
_LIMIT = 1200  # seconds for one build


def built(version: str, say: Callable[[str], None]) -> Path:
    """The program of this version."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise Unavailable("cargo is missing (Debian: apt-get install cargo)")
    said = subprocess.run([cargo, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise Unavailable(f"{said.strip()} is older than {'.'.join(map(str, _OLDEST))}")
    program = CACHE / version / "bin" / NAME
    with alone(CACHE):
        if not program.exists():
            say(f"building the Lambda Web Adapter {version}: minutes, once")
            _build(cargo, version)
    return program


def _build(cargo: str, version: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".building-", dir=CACHE) as folder:
        root = Path(folder) / "root"
        command = [cargo, "install", CRATE, "--version", f"={version}", "--locked", "--debug"]
        quicker = {**os.environ, "CARGO_PROFILE_DEV_DEBUG": "0"}
        command += ["--root", str(root), "--target-dir", str(CACHE / "target")]
        run(command, _LIMIT, env=quicker)
        root.rename(CACHE / version)


def request(path: str = "/hello") -> dict[str, object]:
    """The event of a function URL for this path."""
    http = {
        "method": "GET",
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
        "userAgent": "test",
    }
    context = {
        "accountId": "123456789012",
        "apiId": "abc",
        "domainName": "abc.lambda-url.eu-west-1.on.aws",
        "domainPrefix": "abc",
        "http": http,
        "requestId": "1",
        "routeKey": "$default",
        "stage": "$default",
        "time": "12/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "abc.lambda-url.eu-west-1.on.aws"},
        "requestContext": context,
        "isBase64Encoded": False,
    }
