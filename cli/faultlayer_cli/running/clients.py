r"""Runtime clients: AWS's client for a runtime, and its interpreter.

LocalFunction --runtime--> PythonClient | NodeClient | JavaClient --> variables, what is shown
                                                                      of the host to the function
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

from faultlayer_cli.progress import Progress
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.java_client import JavaClient
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from faultlayer_cli.running.node_client import NodeClient

_RUNTIME = "/var/runtime"
PYTHON = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"


class Client(Protocol):
    """Starts functions of one runtime."""

    def variables(self) -> dict[str, str]:
        """Variables of the runtime, the command of the client among them."""

    def shown(self, progress: Progress) -> dict[str, Path]:
        """Fetch missing host files; return all by the function's paths."""


class PythonClient:
    """The runtime client for Python, on the interpreter that runs this command."""

    def variables(self) -> dict[str, str]:
        found = interpreter.found()
        return {
            "AWS_EXECUTION_ENV": PYTHON,
            "PYTHONPATH": _RUNTIME,
            "_FAULTLAYER_CLIENT": f"{found.path} -m awslambdaric",
            **found.variables,
        }

    def shown(self, progress: Progress) -> dict[str, Path]:
        client = downloads.runtime(progress)
        files = {f"{_RUNTIME}/{path.name}": path for path in sorted(client.iterdir())}
        return {**interpreter.found().shown, **files}


def client_of(function: LocalFunction) -> Client:
    """The client for this function. Raises Failure if this machine lacks its programs."""
    if function.runtime is Runtime.NODE:
        return NodeClient(function)
    if function.runtime is Runtime.JAVA:
        return JavaClient(function)
    return PythonClient()
