"""The pool: a connection that it hands out was open a moment ago."""

from __future__ import annotations

from contextlib import closing

from faultlayer.startup.listener import LOOPBACK, listen
from faultlayer.wire.pool import Pool
from faultlayer.wire.sockets import accept


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
