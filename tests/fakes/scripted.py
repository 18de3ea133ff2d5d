"""A server that does what a test tells it to, a thread per connection, and records all of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from fakes.wire import Broken, Message, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"

Answer = Callable[[Message], bytes]


class Conn(Wire):
    """A connection that was made to the server, the first having index 0."""

    def __init__(self, sock: socket.socket, index: int) -> None:
        super().__init__(sock)
        self.index = index
        self.requests: list[Message] = []
        self.over = threading.Event()  # the script has returned, and the socket is closed

    def request(self) -> Message | None:
        message = super().request()
        if message is not None:
            message.connection = self.index
            self.requests.append(message)
        return message


Script = Callable[[Conn], None]


class Server:
    """Listens on loopback; each connection runs the script until that returns, then closes."""

    def __init__(self, script: Script | None = None, *, answer: Answer | None = None) -> None:
        self.script = script or self.serve
        self.answer = answer or (lambda request: OK)
        self.conns: list[Conn] = []
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._listener: socket.socket | None = None
        self.address = ("127.0.0.1", 0)
        self.open()

    def open(self) -> None:
        """Listen, again on the same port where it was closed."""
        end = time.monotonic() + 20
        while True:
            try:
                self._listener = socket.create_server(self.address, backlog=1024)
                break
            except OSError:  # another test's connection has the port for a moment
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and end all connections."""
        if self._listener:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None
        for conn in list(self.conns):
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def host(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    @property
    def requests(self) -> list[Message]:
        """Every whole request so far, by connection."""
        return [request for conn in self.conns for request in conn.requests]

    def wait_for_conn(self, index: int = 0, timeout: float = 10.0) -> Conn:
        """The connection of this index, once it is made."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.conns) > index, timeout)
        return self.conns[index]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                conn = Conn(sock, len(self.conns))
                self.conns.append(conn)
                self._changed.notify_all()
            threading.Thread(target=self._run, args=(conn,), daemon=True).start()

    def _run(self, conn: Conn) -> None:
        try:
            self.script(conn)
        except (Broken, OSError):
            pass  # the proxy went away: tests look at what had arrived
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            conn.close()
            conn.over.set()

    def serve(self, conn: Conn) -> None:
        """The usual script: answer one request after the other."""
        while (request := conn.request()) is not None:
            conn.send(self.answer(request))
