"""The hosts: check every byte of a request, and answer."""

from __future__ import annotations

import socket
import threading

from soak.connections.contacts import HEAD, HELLO, HOSTS, Contact, contact
from soak.wire import no_delay

_PATIENCE = 60.0  # seconds


class Hosts:
    """A listener at each address, all with the same port.

    `requests`: the number of complete and right requests.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self.port = 0
        for address in HOSTS:
            listener = socket.create_server((address, self.port), backlog=1024)
            self.port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            sock.settimeout(_PATIENCE)
            threading.Thread(target=self._serve, args=(no_delay(sock),), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                self._talk(sock)
            except OSError:  # faults end connections
                pass

    def _talk(self, sock: socket.socket) -> None:
        start = exactly(sock, HEAD.size)
        if start.startswith(HELLO):
            start = start[len(HELLO) :] + exactly(sock, len(HELLO))
        if len(start) < HEAD.size:
            return
        one = contact(HEAD.unpack(start)[0])
        if start != one.head():
            self._complain(one, "a head that is none")
            return
        for turn in range(one.turns):
            got = exactly(sock, one.asked)
            if got != one.request(turn):
                if one.request(turn).startswith(got):
                    return  # it broke off
                self._complain(one, "another's request")
                return
            with self._lock:
                self.requests += 1
            sock.sendall(one.response(turn))
        sock.shutdown(socket.SHUT_WR)
        if sock.recv(1):
            self._complain(one, "bytes after the request")

    def _complain(self, one: Contact, what: str) -> None:
        with self._lock:
            self.wrong.append(f"mixed up: connection {one.number} to {one.host}: {what}")


def exactly(sock: socket.socket, size: int) -> bytes:
    """Receive so many bytes; fewer if the connection ends before."""
    got = bytearray()
    while len(got) < size:
        data = sock.recv(min(size - len(got), 1 << 18))
        if not data:
            break
        got += data
    return bytes(got)
