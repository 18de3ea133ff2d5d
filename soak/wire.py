"""HTTP/1.1 for the soak's ends: whole messages from a blocking socket.

The reader is cheap and strict: all that is not framed exactly is an error, since nothing that the
soak judges may be forgiven.
"""

from __future__ import annotations

import re
import socket

_BULK = 1 << 18


class Broken(Exception):
    """The connection ended, or the bytes were not HTTP."""


class Message:
    """A message: start line, headers by lower-case name, and joined content."""

    __slots__ = ("content", "headers", "line")

    def __init__(self, line: bytes, headers: dict[bytes, bytes], content: bytes) -> None:
        self.line = line
        self.headers = headers
        self.content = content


class Reader:
    """A connection, and its bytes that are not read yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._held = bytearray()

    def _more(self) -> None:
        data = self.sock.recv(_BULK)
        if not data:
            raise Broken("closed in the middle of a message")
        self._held += data

    def _until(self, mark: bytes) -> bytes:
        at = self._held.find(mark)
        while at < 0:
            seen = max(len(self._held) - len(mark), 0)
            self._more()
            at = self._held.find(mark, seen)
        found = bytes(self._held[:at])
        del self._held[: at + len(mark)]
        return found

    def _exactly(self, size: int) -> bytes:
        if len(self._held) < size:
            whole = bytearray(size)
            at = len(self._held)
            whole[:at], self._held = self._held, bytearray()
            view = memoryview(whole)
            while at < size:
                count = self.sock.recv_into(view[at:])
                if not count:
                    raise Broken("closed in the middle of a body")
                at += count
            return bytes(whole)
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    def message(self) -> Message | None:
        """The next message; None if the other side has ended the connection."""
        if not self._held:
            data = self.sock.recv(_BULK)
            if not data:
                return None
            self._held += data
        line, *lines = self._until(b"\r\n\r\n").split(b"\r\n")
        headers: dict[bytes, bytes] = {}
        for header in lines:
            name, colon, value = header.partition(b":")
            if not colon or name.lower() in headers:
                raise Broken("a header that is none, or that is there twice")
            headers[name.lower()] = value.strip()
        if headers.get(b"transfer-encoding") == b"chunked":
            return Message(line, headers, self._chunks())
        size = headers.get(b"content-length", b"0")
        if not size.isdigit():
            raise Broken("a length that is no number")
        return Message(line, headers, self._exactly(int(size)))

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        while True:
            digits = self._until(b"\r\n")
            if not re.fullmatch(b"[0-9a-fA-F]+", digits):
                raise Broken("a chunk without a size")
            if not int(digits, 16):
                while self._until(b"\r\n"):
                    pass  # trailers
                return b"".join(pieces)
            pieces.append(self._exactly(int(digits, 16)))
            if self._exactly(2) != b"\r\n":
                raise Broken("a chunk longer than its size")


def no_delay(sock: socket.socket) -> socket.socket:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
