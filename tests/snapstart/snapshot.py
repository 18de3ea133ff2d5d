"""A Runtime API that takes snapshots, and processes that freeze."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fakes.proxied import stop
from fakes.runtime_api import RUNTIME, RuntimeApi
from fakes.scripted import Conn
from fakes.wire import Message

RESTORED = b"HTTP/1.1 200 OK\r\ndate: Tue, 01 Dec 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"


class SnapshotApi(RuntimeApi):
    """Answers restore/next once the test says that the snapshot is restored."""

    def __init__(self) -> None:
        self.restored_now = threading.Event()
        self.restore_polls: list[Message] = []
        self.restore_errors: list[Message] = []
        super().__init__()

    def _answer(self, conn: Conn, request: Message) -> bytes | None:
        if request.target == RUNTIME + "restore/next":
            self.restore_polls.append(request)
            while not self.restored_now.wait(0.02):
                if self._hung_up(conn):
                    return None
            return RESTORED
        if request.target == RUNTIME + "restore/error":
            self.restore_errors.append(request)
        return super()._answer(conn, request)

    def close_connections(self, *, but: tuple[str, ...] = ()) -> int:
        """End every connection except those whose last request is one of these; how many."""
        count = 0
        for conn in self.conns:
            last = conn.requests[-1].target if conn.requests else ""
            if conn.over.is_set() or last.endswith(but or ("\0",)):
                continue
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
                count += 1
            except OSError:
                pass
        return count


@contextmanager
def frozen(*pids: int, seconds: float = 0.5) -> Iterator[None]:
    """These processes stand still for so long, and while the block runs."""
    for pid in pids:
        stop(pid)
    try:
        yield
        time.sleep(seconds)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
