"""One GET from an agent on loopback, within a bounded time and size.

Time is counted in steps of waiting, not by a clock: if the environment freezes in the middle, one
step is spent, so a thaw is no timeout. It runs beside the handler and never on
the data path. Framing is RFC 9112's, as `http.framing` reads it. Each question has a connection of
its own.
"""

from __future__ import annotations

import posix
import select
from _socket import AF_INET, SO_ERROR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, socket
from errno import EINPROGRESS
from time import monotonic

from faultlayer.http import framing
from faultlayer.startup.listener import LOOPBACK

TOTAL = 2.0  # seconds for one GET, its repetitions included
_STEP = 0.1  # seconds of one wait
_SIZE = 65536
_LONGEST_HEAD = 65536
_NOT_READY = b"not ready"  # the agent's answer until Lambda has invoked the function


class Patience:
    """The time that is left for waiting (seconds). Time in a frozen environment counts one step."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait(self, poller: select.poll) -> bool:
        """Wait a step at most; true if something happened. Raises TimeoutError if no time is left.

        If nothing happened the step is spent, even if the clock stands still.
        """
        if self._left <= 0:
            raise TimeoutError
        step = min(self._left, _STEP)
        began = monotonic()
        happened = bool(poller.poll(step * 1000))
        self._left -= min(max(monotonic() - began, 0.0), step) if happened else step
        return happened


def ask(port: int, target: bytes, headers: bytes, limit: int) -> bytes:
    """The body of the agent's 200; raises ValueError, which says why there is none.

    If the agent is not there yet, or not ready, the GET is repeated a little later.
    """
    patience = Patience(TOTAL)
    late = f"is at an agent that took longer than {TOTAL:g} s"
    try:
        while True:
            try:
                status, body = _exchange(port, target, headers, limit, patience)
            except ConnectionRefusedError:
                late = "is at an agent that is not there: Connection refused"
            else:
                if status == 200:
                    return body
                if status != 400 or _NOT_READY not in body.lower():
                    raise ValueError(f"is at an agent that answers {status}")
                late = "is at an agent that is not ready yet"
            patience.wait(select.poll())
    except TimeoutError:
        raise ValueError(late) from None
    except OSError as error:
        reason = posix.strerror(error.errno or 0)
        raise ValueError(f"is at an agent that cannot be asked: {reason}") from None
    except framing.ProtocolError:
        raise ValueError("is at an agent that does not answer in HTTP") from None


def _exchange(
    port: int, target: bytes, headers: bytes, limit: int, patience: Patience
) -> tuple[int, bytes]:
    """Status and body of one response."""
    sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
    try:
        poller = select.poll()
        poller.register(sock.fileno(), select.POLLOUT)
        error = sock.connect_ex((LOOPBACK, port))
        if error == EINPROGRESS:
            while not patience.wait(poller):
                pass
            error = sock.getsockopt(SOL_SOCKET, SO_ERROR)
        if error:
            raise OSError(error, "")
        request = b"GET %b HTTP/1.1\r\nHost: localhost:%d\r\n%bConnection: close\r\n\r\n"
        _send(sock, request % (target, port, headers), patience, poller)
        poller.modify(sock.fileno(), select.POLLIN)
        return _receive(sock, limit, patience, poller)
    finally:
        sock.close()


def _send(sock: socket, data: bytes, patience: Patience, poller: select.poll) -> None:
    while data:
        try:
            data = data[sock.send(data) :]
        except BlockingIOError:
            patience.wait(poller)


def _more(sock: socket, patience: Patience, poller: select.poll) -> bytes:
    """The bytes that arrive next; empty at the end of the stream."""
    while True:
        try:
            return sock.recv(_SIZE)
        except BlockingIOError:
            patience.wait(poller)


def _receive(
    sock: socket, limit: int, patience: Patience, poller: select.poll
) -> tuple[int, bytes]:
    data = b""
    while not (head := framing.scan(data))[0]:
        more = _more(sock, patience, poller)
        if not more or len(data) > _LONGEST_HEAD:
            raise framing.ProtocolError("no head")
        data += more
    lowered, length = head
    status = framing.status_of(data)
    length = framing.check_response(length, status)
    body, content = framing.body(length), bytearray()
    data = data[len(lowered) :]
    while True:
        body.feed(data, content.extend)
        if max(length, len(content)) > limit:
            raise ValueError(f"is longer than {limit >> 10} KB")
        if body.done:
            return status, bytes(content)
        data = _more(sock, patience, poller)
        if not data:
            if body.until_close:
                return status, bytes(content)
            raise framing.ProtocolError("a body cut short")
