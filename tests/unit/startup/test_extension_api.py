"""The Extensions API: how we register, and how we wait, on connections that end at any time."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faultlayer.startup import extension_api as room
from faultlayer.startup.extension_api import Extension, Refused
from faultlayer.startup.relay import Loop

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


def register_and_wait(api: Api, loop: Loop | None = None) -> None:
    extension = Extension("127.0.0.1", api.port)
    extension.register()
    extension.wait(loop)


def test_it_registers_for_shutdown_alone_and_waits_by_its_identifier() -> None:
    api = Api((REGISTERED,), (SHUTDOWN,))
    register_and_wait(api)
    register, wait = api.asked
    assert register.startswith(b"POST /2020-01-01/extension/register HTTP/1.1\r\n")
    assert b"\r\nLambda-Extension-Name: faultlayer\r\n" in register
    assert register.endswith(b'\r\n\r\n{"events":["SHUTDOWN"]}')
    assert wait.startswith(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n")
    assert b"\r\nLambda-Extension-Identifier: abc\r\n" in wait
    assert b"\r\nHost: 127.0.0.1:%d\r\n" % api.port in wait


def test_an_answer_may_come_byte_by_byte() -> None:
    api = Api(tuple(REGISTERED[at : at + 1] for at in range(len(REGISTERED))), (SHUTDOWN,))
    register_and_wait(api)


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
        Extension("127.0.0.1", api.port).register()


@pytest.mark.parametrize("loop", [None, Loop()], ids=["alone", "in a loop"])
def test_a_connection_that_ends_unanswered_is_made_again(loop: Loop | None) -> None:
    api = Api((REGISTERED,), (), (b"HTTP/1.1 2",), (SHUTDOWN,))
    register_and_wait(api, loop)
    assert len(api.asked) == 4


@pytest.mark.parametrize("loop", [None, Loop()], ids=["alone", "in a loop"])
def test_it_returns_if_the_api_is_gone(loop: Loop | None) -> None:
    register_and_wait(Api((REGISTERED,)), loop)


@pytest.mark.parametrize("loop", [None, Loop()], ids=["alone", "in a loop"])
def test_a_lack_of_descriptors_is_waited_out(
    loop: Loop | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is: an extension that ends takes the function with it."""
    base: Any = room.socket
    left = [*[OSError(errno.EMFILE, "none")] * 15, None, *[OSError(errno.ENFILE, "none")] * 15]

    def scarce(*given: Any) -> Any:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return base(*given)

    pauses: list[float] = []
    monkeypatch.setattr(room, "socket", scarce)
    monkeypatch.setattr(room, "sleep", pauses.append)
    api = Api((REGISTERED,), (), (SHUTDOWN,))
    register_and_wait(api, loop)
    assert len(api.asked) == 3
    assert len(pauses) == 30, "a core is not used up by attempts"
    assert not left
