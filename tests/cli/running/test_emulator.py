"""What the emulator lost is asked again; what the function did is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction

LOST = b'{"errorType":"Function.Unknown","errorMessage":"RequestId: 0 Error: ErrGateCanceled"}'
CRASH = b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 0 Error: exit status 3"}'


class Endpoint(ThreadingHTTPServer):
    """The emulator's invoke endpoint with prepared answers, the last of them for ever."""

    answers: list[tuple[int, bytes]]
    asked: int = 0


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.answers[min(self.server.asked, len(self.server.answers) - 1)]
        self.server.asked += 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([(502, LOST), (502, LOST), (200, b"ok")], 3),
        ([(502, CRASH), (200, b"ok")], 1),
        ([(200, LOST), (200, b"ok")], 1),
        ([(502, LOST)], 4),
    ],
    ids=["lost twice", "the function's own", "quoted by a function", "lost for ever"],
)
def test_only_what_the_emulator_lost_is_asked_again(
    endpoint: Endpoint, answers: list[tuple[int, bytes]], asked: int
) -> None:
    endpoint.answers = answers
    answer = Emulator(LocalFunction(Path()), port=endpoint.server_port, echo=False).invoke()
    assert (answer.status, answer.body) == answers[min(asked, len(answers)) - 1]
    assert endpoint.asked == asked
