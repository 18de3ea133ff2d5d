"""What a command loads: one that needs no AWS account must not wait for boto3."""

from __future__ import annotations

import subprocess
import sys

import pytest

EVENT = '{"path": "/orders"}'


def loaded(script: str) -> set[str]:
    """The modules that are loaded once the script has run."""
    script += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], input=EVENT, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "--event", "-", "--status", "503"],
        ["local", "--help"],
        ["local", "no-such-folder"],
        ["validate", "--help"],
        ["wrap-package", "--help"],
    ],
    ids=" ".join,
)
def test_a_command_without_an_account_never_loads_boto3(arguments: list[str]):
    modules = loaded(f"from faultlayer_cli import main; main.run({arguments!r})")
    assert "click" in modules
    assert not modules & {"asyncio", "boto3", "botocore", "docker", "requests", "uvicorn"}


def test_a_local_run_never_loads_boto3():
    modules = loaded("import faultlayer_cli.running.emulator, faultlayer_cli.running.container")
    assert not modules & {"boto3", "botocore"}
