"""A running probe function, and what its answers and its log tell."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.http_client import Response

REPORT = "REPORT RequestId: "  # the emulator's last line about an invocation


class Function:
    """A running function, and the questions the tests ask of it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def invoke(self, event: Any = None, request_id: str = "") -> Response:
        headers = {"X-Amzn-RequestId": request_id} if request_id else {}
        payload = json.dumps({} if event is None else event).encode()
        reported = self.log.count(REPORT)
        answer = self.emulator.invoke(payload, headers)
        # The answer can be here before the lines that were printed before it.
        # An environment that has died prints no such line.
        end = time.monotonic() + (3 if b'"errorType"' in answer.body else 20)
        while self.log.count(REPORT) == reported and time.monotonic() < end:
            time.sleep(0.002)
        return answer

    @property
    def lambdas_address(self) -> str:
        """AWS_LAMBDA_RUNTIME_API as Lambda set it, in the present environment."""
        return self.log.rpartition("LAMBDA SET ")[2].split()[0]

    @property
    def log(self) -> str:
        return self.emulator.log

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The layer's own log lines, of one kind or of all."""
        found = []
        for line in self.log.splitlines():
            start = line.find('{"source":"faultlayer"')
            if start >= 0:
                record = json.loads(line[start:])
                if not event or record["event"] == event:
                    found.append(record)
        return found

    def ran(self) -> list[str]:
        """The request ids that the handler saw, in order."""
        return re.findall(r"HANDLER RAN ([\w-]+)", self.log)  # the line's end may come later


def told(answer: Response) -> dict[str, Any]:
    """What the probe says of itself in the body of its HTTP-shaped answer."""
    result: dict[str, Any] = json.loads(json.loads(answer.body)["body"])
    return result
