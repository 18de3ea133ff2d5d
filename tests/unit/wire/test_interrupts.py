"""A wait for bytes that another thread ends: nothing that arrives later is lost."""

from __future__ import annotations

import _socket
import contextlib
import os
import socket
import threading
import time

import pytest

from faultlayer.wire import interrupts
from unit.wire.sides import Pair


def later(act: object, *given: object) -> None:
    """Do it while the test waits."""
    assert callable(act)
    threading.Timer(0.05, act, given).start()


def test_this_kernel_goes_on_receiving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_possible", None)
    assert interrupts.is_possible()
    monkeypatch.setattr(interrupts, "_is_possible", lambda: pytest.fail("tried twice"))
    assert interrupts.is_possible()


def test_if_it_cannot_be_tried_it_is_not_done_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> bool:
        raise OSError("no descriptors")

    monkeypatch.setattr(interrupts, "_possible", None)
    with monkeypatch.context() as now:
        now.setattr(interrupts, "_is_possible", refuse)
        assert not interrupts.is_possible()
    assert interrupts.is_possible()


class Deaf(_socket.socket):
    """A kernel that receives nothing after SHUT_RD."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        return b""


class Refused(_socket.socket):
    """A machine that allows no connection."""

    def connect(self, address: object) -> None:
        raise OSError("no ports")


def test_another_kernel_is_noticed_and_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for kind in (Deaf, Refused):
        monkeypatch.setattr(interrupts, "_possible", None)
        monkeypatch.setattr(interrupts, "socket", kind)
        assert not interrupts.is_possible()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_wait_ends_with_nothing_and_what_comes_later_arrives_in_order(pair: Pair) -> None:
    peer, far = pair
    later(peer.interrupt)
    assert peer.recv(9) == b""
    assert peer.noticed_interrupt()
    assert not peer.noticed_interrupt()
    later(far.sendall, b"one")
    assert peer.recv(9) == b"one"
    later(peer.interrupt)  # again, as it waits in another way
    assert peer.recv(9) == b""
    assert peer.noticed_interrupt()
    far.sendall(b"two")
    far.shutdown(socket.SHUT_WR)
    time.sleep(0.05)
    assert [peer.recv(2) for _ in range(3)] == [b"tw", b"o", b""], "to the end of the stream"
    peer.send(b"three")
    assert far.recv(9) == b"three", "the other way it is open"


def test_what_has_arrived_goes_before_the_end_of_the_wait(pair: Pair) -> None:
    peer, far = pair
    far.sendall(b"one")
    time.sleep(0.05)
    peer.interrupt()
    assert peer.recv(9) == b"one"
    assert peer.recv(9) == b""
    assert peer.noticed_interrupt()
    assert peer.stale(), "it is of no more use than this"


def test_the_end_of_the_connection_ends_it_however_it_comes(pair: Pair) -> None:
    peer, far = pair
    peer.interrupt()
    assert peer.recv(9) == b""
    assert peer.noticed_interrupt()
    later(peer.hang_up)
    assert peer.recv(9) == b""
    later(far.close)
    with contextlib.suppress(ConnectionResetError):
        assert peer.recv(9) == b""
