"""The pool: a connection that it hands out was open a moment ago."""

from __future__ import annotations

import errno
from _socket import socket
from contextlib import closing
from typing import Any

import pytest

from faultlayer.startup.listener import LOOPBACK, listen
from faultlayer.wire import pool as room
from faultlayer.wire.pool import Pool
from unit.wire.sides import accept


def test_a_connection_is_used_again_unless_it_was_closed() -> None:
    listener, port = listen(0)
    with closing(listener):
        pool = Pool((LOOPBACK, port))
        first, used = pool.get()
        assert not used
        far = accept(listener)
        pool.put(first)
        again, used = pool.get()
        assert again is first
        assert used
        pool.put(first)
        far.close()
        other, used = pool.get()
        assert other is not first
        assert not used
        other.close()


def test_a_connection_with_bytes_that_nobody_asked_for_is_of_no_use() -> None:
    listener, port = listen(0)
    with closing(listener):
        pool = Pool((LOOPBACK, port))
        first, _ = pool.get()
        far = accept(listener)
        far.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        pool.put(first)
        other, used = pool.get()
        assert (other is first, used) == (False, False)
        other.close()
        far.close()


def test_no_more_are_kept_than_runtimes_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_IDLE", 2)
    listener, port = listen(0)
    with closing(listener):
        pool = Pool((LOOPBACK, port))
        peers = [pool.get()[0] for _ in range(3)]
        fars = [accept(listener) for _ in peers]
        for peer in peers:
            pool.put(peer)
        assert fars[2].recv(1) == b"", "the one too many is closed"
        assert [pool.get() for _ in range(2)] == [(peers[1], True), (peers[0], True)]
        for end in [*peers[:2], *fars]:
            end.close()


def test_a_connection_that_another_thread_took_is_not_used_twice() -> None:
    class Taken(list[Any]):
        """Another thread takes what there is just before this one does."""

        def pop(self, *at: Any) -> Any:
            self.clear()
            return super().pop(*at)

    listener, port = listen(0)
    with closing(listener):
        pool = Pool((LOOPBACK, port))
        first, _ = pool.get()
        pool._idle = Taken([first])
        other, used = pool.get()
        assert (other is first, used) == (False, False)
        first.close()
        other.close()


def test_a_lack_of_ports_or_descriptors_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spare socket has its descriptor, but a port is found for it only when it connects."""
    real, pauses = room.connect, []  # type: ignore[var-annotated]
    left = [errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE]

    def scarce(address: Any, sock: Any = None) -> Any:
        if left:
            raise OSError(left.pop(0), "none")
        return real(address, sock)

    monkeypatch.setattr(room, "connect", scarce)
    monkeypatch.setattr(room, "sleep", pauses.append)
    listener, port = listen(0)
    with closing(listener):
        peer, used = Pool((LOOPBACK, port)).get()
        peer.close()
        assert not used
        assert len(pauses) == 3
    left.append(errno.ECONNREFUSED)
    with pytest.raises(OSError, match="none"):
        Pool((LOOPBACK, port)).get()


def test_a_spare_that_is_not_needed_is_kept() -> None:
    listener, port = listen(0)
    with closing(listener):
        pool = Pool((LOOPBACK, port))
        spare: Any = socket()
        first, _ = pool.get(spare)
        assert first.sock is spare
        pool.put(first)
        other: Any = socket()
        assert pool.get(other) == (first, True)
        assert pool.spares == [other]
        other.close()
        first.close()
