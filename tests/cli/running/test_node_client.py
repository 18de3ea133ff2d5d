"""Functions in Node.js, with AWS's own client."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import ROOT, Started

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT
from faultlayer_cli.running import node_client
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from faultlayer_cli.running.node_client import PACKAGE, NodeClient

FUNCTION = """
export async function handler(event) {
  if (event.fail) throw new TypeError("no such order");
  return { name: process.env.AWS_LAMBDA_FUNCTION_NAME, as: process.env.AWS_EXECUTION_ENV,
           private: Object.keys(process.env).filter((name) => name.startsWith("_FAULTLAYER")) };
}
"""


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Node.js of version 20 in a folder of its own; nothing else is installed."""
    program = tmp_path / "tools" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho v20.1.0\n")
    program.chmod(0o755)
    found = {"node": str(program)}
    monkeypatch.setattr(shutil, "which", found.get)
    return program


def function(tmp_path: Path) -> LocalFunction:
    return LocalFunction(tmp_path, "index.handler", memory=200, runtime=Runtime.NODE)


def test_a_node_from_anywhere_is_shown_to_the_function(node: Path, tmp_path: Path) -> None:
    client = NodeClient(function(tmp_path))
    variables = client.variables()
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x"
    assert variables["_FAULTLAYER_CLIENT"].startswith(
        "/var/lang/bin/node --max-old-space-size=180 /var/runtime/start.mjs /var/runtime/aws-lam"
    )
    own = tmp_path / "node_modules" / "aws-lambda-ric" / "dist" / "index.mjs"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert client.variables()["_FAULTLAYER_CLIENT"].endswith(
        " /var/task/node_modules/aws-lambda-ric/dist/index.mjs"
    ), "a function may bring its client"
    assert client.shown(SILENT) == {
        "/var/lang": tmp_path / "tools",
        "/var/runtime/start.mjs": PACKAGE / "start.mjs",
    }


def test_what_it_lacks_is_told(node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_client.cache, "folder", lambda: tmp_path / "cache")
    client = NodeClient(function(tmp_path))
    with pytest.raises(Failure, match="npm, autoconf, .* and make are missing, which functions in"):
        client.shown(SILENT)
    node.write_text("#!/bin/sh\necho v16.20.0\n")
    with pytest.raises(Failure, match=r"is v16.20.0; allowed: Node.js 18 or later, or a container"):
        NodeClient(function(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Failure, match=r"node is missing, .*--image public.ecr.aws/lambda/nodejs:2"):
        NodeClient(function(tmp_path))


def test_the_client_is_the_one_that_the_runtimes_are_tested_with() -> None:
    probe = ROOT / "examples" / "node-probe"
    pins = [json.loads((folder / "package.json").read_text()) for folder in (PACKAGE, probe)]
    assert pins[0]["dependencies"] == pins[1]["dependencies"]
    locks = [json.loads((folder / "package-lock.json").read_text()) for folder in (PACKAGE, probe)]
    packages = [lock["packages"] for lock in locks]
    for each in packages:
        del each[""]
    assert packages[0] == packages[1]
    assert all("integrity" in package for package in packages[0].values())


@pytest.mark.whole
@pytest.mark.nightly
def test_a_function_for_real(started: Started, tmp_path: Path) -> None:
    """The client is built on first use, which takes minutes."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "index.mjs").write_text(FUNCTION)
    said: list[str] = []
    for event in ({}, {"fail": 1}):
        process = started("local", folder, "--invoke", "-", "--latency", "50ms")
        out, err = process.communicate(json.dumps(event), timeout=900)
        if "missing, which functions in Node.js need" in err:
            machine.lacks(err)
        said.append(out)
        assert "faultlayer: Node.js, by index.mjs; the handler is index.handler\n" in err
        assert '"event":"fault_injected","fault":"latency"' in err
        assert process.returncode == (5 if event else 0), err
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    runtime = f"AWS_Lambda_nodejs{version.strip('v').partition('.')[0]}.x"
    assert json.loads(said[0]) == {"name": "shop", "as": runtime, "private": []}
    assert json.loads(said[1])["errorType"] == "TypeError"
