"""A stand-in for an emulator: answers as a test says, and remembers what it was given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT, Output
from faultlayer_cli.running.emulator import Endpoint
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.local_function import LocalFunction

Behaviour = Callable[[bytes], "Response | bytes"]


class StandIn(Endpoint):
    """Answers with what `behave` gives; ends when it is told to."""

    def __init__(self, number: int, behave: Behaviour) -> None:
        super().__init__(LocalFunction(Path()), 1, SILENT)
        self.number = number
        self.given: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.started = False
        self.closed = 0
        self.why: str | None = None
        self._behave = behave
        self._busy = threading.Lock()

    def start(self) -> None:
        self.started = True

    def ended(self) -> str | None:
        return self.why or ("it was closed" if self.closed else None)

    def close(self) -> None:
        self.closed += 1

    def invoke(
        self,
        payload: bytes = b"{}",
        headers: Mapping[str, str] | None = None,
        *,
        wait: float | None = None,
    ) -> Response:
        assert self._busy.acquire(blocking=False), "two invocations at once"
        try:
            self.given.append(payload)
            self.headers.append(headers or {})
            answer = self._behave(payload)
        finally:
            self._busy.release()
        if self.ended():
            raise Failure("the emulator gave no answer")
        return answer if isinstance(answer, Response) else Response(200, {}, answer, 0.0)


class Gate:
    """A behaviour that holds invocations until the test lets them go on."""

    def __init__(self) -> None:
        self._entered = threading.Semaphore(0)
        self._go = threading.Semaphore(0)

    def __call__(self, payload: bytes) -> bytes:
        self._entered.release()
        assert self._go.acquire(timeout=10)
        return payload

    def entered(self, count: int = 1) -> None:
        """Wait until this many invocations more are held."""
        for _ in range(count):
            assert self._entered.acquire(timeout=10)

    def open(self, count: int = 1) -> None:
        """Let this many go on."""
        self._go.release(count)


class Notes:
    """A `Progress` that keeps the notes."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def note(self, text: str) -> None:
        self.all.append(text)

    def output(self) -> Output:
        return SILENT.output()

    def counting(self, doing: str, unit: str = "") -> None:
        raise AssertionError("nothing is counted")
