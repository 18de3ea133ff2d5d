"""The main thread's loop, the door, and connections that are relayed byte for byte."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from faultlayer.startup import relay as room
from faultlayer.startup.listener import listen
from faultlayer.startup.relay import READABLE, Door, Loop, relay

BIG = os.urandom(1 << 20) * 4


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A runtime and Lambda, with a door and a relay between them."""
    listener, port = listen(0)
    server = socket.create_server(("127.0.0.1", 0))
    loop, spares = Loop(), []  # type: ignore[var-annotated]
    Door(loop, listener, lambda *pair: relay(loop, *pair, server.getsockname()), spares)
    over: list[bool] = []
    thread = threading.Thread(target=lambda: [loop.turn() for _ in iter(over.__len__, 1)])
    thread.start()
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    far, _ = server.accept()
    far.settimeout(20)
    yield client, far
    over.append(True)
    client.close()
    far.close()
    socket.create_connection(("127.0.0.1", port), timeout=20).close()  # it looks up once more
    thread.join(20)
    listener.close()
    server.close()


def received(end: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (more := end.recv(65536)):
        found += more
    return bytes(found)


def test_bytes_pass_as_they_come_both_ways_at_once(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    got: dict[int, bytes] = {}

    def read(at: int, end: socket.socket) -> None:
        got[at] = received(end, len(BIG))

    threads = []
    for at, end in enumerate(ends):
        threads.append(threading.Thread(target=end.sendall, args=(BIG,)))
        threads.append(threading.Thread(target=read, args=(at, end)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == {0: BIG, 1: BIG}


def test_an_end_that_sends_no_more_still_gets_its_answer(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, far = ends
    client.sendall(b"request")
    client.shutdown(socket.SHUT_WR)
    assert received(far, 100) == b"request", "and then the end"
    for _ in range(3):
        far.sendall(b"answer")
    far.close()
    assert received(client, 100) == b"answer" * 3


def test_a_connection_that_breaks_off_is_closed_on_both_sides(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, far = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert far.recv(1) == b""


def test_the_loop_goes_on_if_a_function_fails(capfd: pytest.CaptureFixture[str]) -> None:
    """It is called again a little later, not at once: a core is not used up."""
    calls: list[str] = []
    (bad, wake_bad), (good, wake_good) = os.pipe(), os.pipe()

    def failing() -> None:
        calls.append("bad")
        raise MemoryError

    loop = Loop()
    loop.add(bad, READABLE, failing)
    loop.add(good, READABLE, lambda: calls.append(os.read(good, 9).decode()))
    os.write(wake_bad, b"x")
    loop.turn()
    os.write(wake_good, b"good")
    loop.turn()
    assert calls == ["bad", "good"]
    loop.turn()
    assert calls == ["bad", "good", "bad"]
    loop.remove(bad)
    loop.remove(bad)
    os.write(wake_good, b"again")
    loop.turn()
    assert calls[3:] == ["again"]
    lines = [json.loads(line)["message"] for line in capfd.readouterr().out.splitlines()]
    assert lines == ["MemoryError"] * 2
    for fd in (bad, wake_bad, good, wake_good):
        os.close(fd)


def readable(sock: socket.socket) -> bool:
    """True if it has bytes, or its end; `select` takes no descriptor over 1023."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))


def test_what_cannot_be_accepted_or_served_waits_in_the_queue(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """For a connection to Lambda a descriptor is needed too: without it none is accepted."""
    listener, port = listen(0)
    loop = Loop()
    served: list[Any] = []
    door = Door(loop, listener, lambda *pair: served.append(pair), [])
    base: Any = room.socket
    left = [OSError(errno.EMFILE, "Too many open files")] * 2

    def scarce(*given: Any) -> Any:
        if left and len(given) == 2:
            raise left.pop()
        return base(*given)

    monkeypatch.setattr(room, "socket", scarce)
    with socket.create_connection(("127.0.0.1", port)) as client:
        for _ in range(2):
            loop.turn()
            assert not served
            assert not readable(client), "it is not hung up on"
            loop.turn()  # the rest, after which it is looked at again
        while not served:
            loop.turn()
        assert not door.spares
        lines = [json.loads(line)["message"] for line in capfd.readouterr().out.splitlines()]
        assert lines == ["OSError"], "said once"
    for end in served[0]:
        end.close()
    listener.close()


def test_lambda_that_cannot_be_reached_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    near, far = socket.socketpair()
    spare = socket.socket()
    relay(Loop(), far, spare, address)  # type: ignore[arg-type]
    assert near.recv(1) == b""
    assert spare.fileno() == -1
    near.close()
