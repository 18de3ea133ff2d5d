"""One question to an agent: its answer in any framing, and why there is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from faultlayer.wire import loopback_get
from faultlayer.wire.loopback_get import Patience, ask

OK = b"HTTP/1.1 200 OK\r\n"
Agent = Callable[..., int]


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Starts an agent that gives these answers, one to a connection; returns its port."""
    listeners: list[socket.socket] = []

    def start(*answers: bytes | None) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            kept = []
            for answer in answers:
                connection, _ = listener.accept()
                request = connection.recv(65536)
                assert request.startswith(b"GET /plan HTTP/1.1\r\nHost: localhost:")
                assert request.endswith(b"\r\nX: y\r\nConnection: close\r\n\r\n")
                if answer is None:  # never
                    kept.append(connection)
                    continue
                connection.sendall(answer)
                connection.close()
            stop.wait(60)

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    stop = threading.Event()
    yield start
    stop.set()
    for listener in listeners:
        listener.close()


def asked(port: int, limit: int = 1 << 20) -> bytes:
    return ask(port, b"/plan", b"X: y\r\n", limit)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 2\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        OK + b"\r\n{}",
    ],
    ids=["sized", "chunked", "until close"],
)
def test_the_body_in_any_framing(agent: Agent, answer: bytes) -> None:
    assert asked(agent(answer)) == b"{}"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "that answers 404"),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nbad", "that answers 400"),
        (b"no HTTP at all\r\n\r\n", "does not answer in HTTP"),
        (b"", "does not answer in HTTP"),
        (OK + b"Content-Length: 9\r\n\r\n{}", "does not answer in HTTP"),
        (OK + b"A: " + b"x" * 200_000, "does not answer in HTTP"),
        (OK + b"Content-Length: 99999999\r\n\r\n", "is longer than 1024 KB"),
        (OK + b"\r\n" + b"x" * ((1 << 20) + 1), "is longer than 1024 KB"),
    ],
    ids=range(8),
)
def test_why_there_is_none(agent: Agent, answer: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        asked(agent(answer))


def test_one_that_is_not_ready_is_asked_again(agent: Agent) -> None:
    late = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nNot ready"
    assert asked(agent(late, late, OK + b"Content-Length: 2\r\n\r\n{}")) == b"{}"


@pytest.mark.parametrize("there", [True, False])
def test_one_that_does_not_answer_or_is_not_there_is_not_waited_for_long(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(loopback_get, "TOTAL", 0.3)
    if there:
        port, why = agent(None), "took longer than 0.3 s"
    else:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port, why = gone.getsockname()[1], "is not there: Connection refused"
    with pytest.raises(ValueError, match=why):
        asked(port)


class Poller:
    """Says after how long something happened, by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *waits: tuple[float, bool]) -> None:
        self._waits = iter(waits)
        self._now = 0.0
        monkeypatch.setattr(loopback_get, "monotonic", lambda: self._now)

    def poll(self, milliseconds: float) -> list[object]:
        passed, happened = next(self._waits)
        self._now += passed
        return [self] if happened else []


def test_a_freeze_counts_as_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    poller = Poller(monkeypatch, (3600, True), (0, False), (-5, True), (0.1, False), (0, False))
    patience = Patience(0.38)
    assert [patience.wait(poller) for _ in range(4)] == [True, False, True, False]  # type: ignore[arg-type]
    assert patience.wait(poller) is False  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        patience.wait(poller)  # type: ignore[arg-type]
