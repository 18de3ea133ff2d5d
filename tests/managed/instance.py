"""A function on a Lambda Managed Instance, as far as the emulator has one, and its callers.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from fakes.proxied import soon
from faultlayer.targeting.choose import draws
from faultlayer_cli.running import downloads
from faultlayer_cli.running.emulator import PATH, Emulator
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.ports import LOOPBACK

FUNCTIONS = Path(__file__).resolve().parent / "functions"
SEED = "7"
_UNAVAILABLE = "Runtime.Unavailable"  # no worker waits for an event at this moment
_PATIENCE = 10.0  # seconds to ask again


class Managed(Emulator):
    """The emulator in Managed Instances mode: this many workers, each with a /next of its own."""

    # The emulator gives layer and runtime a user of their own.
    capabilities = ("chown", "dac_override", "kill", "setgid", "setuid")

    def __init__(
        self,
        workers: int,
        folder: Path = FUNCTIONS / "echo",
        handler: str = "app.handler",
        *,
        bootstrap: Path = FUNCTIONS / "bootstrap",
        shown: dict[str, Path] | None = None,
        layer: Path | None = None,
        timeout: int = 20,
        **variables: str | None,
    ) -> None:
        env: dict[str, str | None] = {
            "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
            "AWS_LAMBDA_MAX_CONCURRENCY": str(workers),
        }
        if shown is None:  # Python's client
            shown = {"/var/lang": Path(sys.base_prefix), "/var/client": downloads.runtime()}
            env["PYTHONPATH"] = "/var/client"
        function = LocalFunction(folder, handler, env | variables, timeout, layer=layer)
        super().__init__(function, bootstrap=bootstrap, shown=shown, echo=False)
        self.tmp.chmod(0o1777)  # as Lambda's: layer and runtime are another user here

    def lambdas_address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API as Lambda set it."""
        return self.wait_for_log("LAMBDA SET ").split()[-1]

    def lines(self, event: str = "", least: int = 0) -> list[dict[str, Any]]:
        """The layer's own log lines, of one kind or of all; so many are waited for."""
        soon(lambda: len(self._lines(event)) >= least)
        return self._lines(event)

    def _lines(self, event: str) -> list[dict[str, Any]]:
        marker = '{"source":"faultlayer"'
        found = [
            json.loads(line[line.index(marker) :])
            for line in self.log.splitlines()
            if marker in line
        ]
        return [line for line in found if not event or line["event"] == event]

    def ran(self, least: int = 0) -> list[str]:
        """The request ids that the handler saw; so many are waited for."""
        soon(lambda: len(self._ran()) >= least)
        return self._ran()

    def _ran(self) -> list[str]:
        marker = "HANDLER RAN "
        return [
            line.partition(marker)[2].split()[0] for line in self.log.splitlines() if marker in line
        ]


class Result:
    """One invocation and what its caller got."""

    def __init__(self, request_id: str, answer: dict[str, Any], begun: float) -> None:
        self.request_id = request_id
        self.answer = answer
        self.begun = begun
        self.ended = time.monotonic()

    @property
    def told(self) -> dict[str, Any]:
        """What the function says."""
        said: dict[str, Any] = json.loads(self.answer["body"])
        return said


def token(request_id: str) -> str:
    """What only this invocation is given."""
    return f"token of {request_id}"


class Caller:
    """One connection that invokes; Lambda never sends an instance more than it has workers for."""

    def __init__(self, function: Managed) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, function.port, timeout=30)

    def invoke(self, request_id: str) -> Result:
        """Invoke, again while no worker is free: such an attempt reaches nobody."""
        payload = json.dumps({"token": token(request_id)})
        begun = time.monotonic()
        while True:
            self._connection.request("POST", PATH, payload, {"X-Amzn-RequestId": request_id})
            answer = json.loads(self._connection.getresponse().read())
            if answer.get("errorType") != _UNAVAILABLE or time.monotonic() > begun + _PATIENCE:
                return Result(request_id, answer, begun)
            time.sleep(0.002)

    def close(self) -> None:
        self._connection.close()


def invoke_all(function: Managed, ids_by_caller: Iterable[Sequence[str]]) -> list[Result]:
    """Invoke all of these, each caller one after the other, all callers at once."""
    results: list[Result] = []
    failures: list[Exception] = []

    def call(ids: Sequence[str]) -> None:
        caller = Caller(function)
        try:
            results.extend([caller.invoke(request_id) for request_id in ids])
        except Exception as error:
            failures.append(error)
        finally:
            caller.close()

    threads = [threading.Thread(target=call, args=(ids,)) for ids in ids_by_caller]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, f"{failures!r} in\n{function.log[:4000]}\n...\n{function.log[-4000:]}"
    return results


def drawn(fault: str, request_id: str) -> float:
    """What the seed draws for this fault and request: it is hit where that is below the rate."""
    return draws(sha256, SEED.encode(), fault, request_id.encode())[0]
