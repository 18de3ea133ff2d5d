"""The Extensions API: how we register, and how we wait, on connections that end at any time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from faultlayer.startup.extension_api import Extension, Refused

REGISTERED = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: abc \r\nContent-Length: 0\r\n\r\n"
SHUTDOWN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Answer = Callable[..., "Api"]


class Api:
    """Answers one request on each connection: with these pieces, one after another."""

    def __init__(self, *answers: tuple[bytes, ...]) -> None:
        self.asked: list[bytes] = []
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for pieces in self._answers:
            connection, _ = self._listener.accept()
            with connection:
                self.asked.append(connection.recv(65536))
                for piece in pieces:
                    connection.sendall(piece)
        self._listener.close()


@pytest.fixture
def api() -> Iterator[type[Api]]:
    return Api


def test_it_registers_for_shutdown_alone_and_waits_by_its_identifier() -> None:
    api = Api((REGISTERED,), (SHUTDOWN,))
    Extension("127.0.0.1", api.port).wait()
    register, wait = api.asked
    assert register.startswith(b"POST /2020-01-01/extension/register HTTP/1.1\r\n")
    assert b"\r\nLambda-Extension-Name: faultlayer\r\n" in register
    assert register.endswith(b'\r\n\r\n{"events":["SHUTDOWN"]}')
    assert wait.startswith(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n")
    assert b"\r\nLambda-Extension-Identifier: abc\r\n" in wait
    assert b"\r\nHost: 127.0.0.1:%d\r\n" % api.port in wait


def test_an_answer_may_come_byte_by_byte() -> None:
    api = Api(tuple(REGISTERED[at : at + 1] for at in range(len(REGISTERED))), (SHUTDOWN,))
    Extension("127.0.0.1", api.port).wait()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\nLambda-Extension-Identifier: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nLambda-Ext",
        b"",
    ],
)
def test_what_is_no_registration_is_refused(answer: bytes) -> None:
    api = Api((answer,))
    with pytest.raises(Refused):
        Extension("127.0.0.1", api.port)


def test_a_connection_that_ends_unanswered_is_made_again() -> None:
    api = Api((REGISTERED,), (), (b"HTTP/1.1 2",), (SHUTDOWN,))
    Extension("127.0.0.1", api.port).wait()
    assert len(api.asked) == 4


def test_it_returns_where_the_api_is_gone() -> None:
    api = Api((REGISTERED,))
    Extension("127.0.0.1", api.port).wait()
