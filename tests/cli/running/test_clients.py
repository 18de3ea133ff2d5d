"""The runtime client that belongs to a function."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faultlayer_cli.running import clients
from faultlayer_cli.running.clients import PythonClient, client_of
from faultlayer_cli.running.local_function import LocalFunction, Runtime


def test_each_runtime_has_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clients, "NodeClient", lambda function: ("node", function))
    monkeypatch.setattr(clients, "JavaClient", lambda function: ("java", function))
    function = LocalFunction(tmp_path)
    assert isinstance(client_of(function), PythonClient)
    node, java = (replace(function, runtime=each) for each in (Runtime.NODE, Runtime.JAVA))
    assert client_of(node) == ("node", node)
    assert client_of(java) == ("java", java)


def test_python_runs_on_the_interpreter_of_the_command() -> None:
    variables = PythonClient().variables()
    assert variables["_FAULTLAYER_CLIENT"].endswith(" -m awslambdaric")
    assert variables["PYTHONPATH"] == "/var/runtime"
