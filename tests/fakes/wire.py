"""HTTP/1.1 messages on a raw socket: the bytes as they came, and what they say."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

TIMEOUT = 10.0  # seconds: no test waits longer for a byte


class Broken(Exception):
    """The peer closed or broke the connection where more was due."""


@dataclass
class Message:
    """A request or a response: its raw bytes, and its parts."""

    head: bytes
    body: bytes = b""  # as framed
    content: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    connection: int = 0
    interim: list[bytes] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    @property
    def method(self) -> bytes:
        return self.line.split(b" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(b" ")[1].decode("latin-1")

    @property
    def status(self) -> int:
        return int(self.line.split(b" ")[1])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return fields(self.head.partition(b"\r\n")[2])

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name.lower().encode()]
        return found[0].decode("latin-1") if found else None

    def trailer(self, name: str) -> str | None:
        found = [value for key, value in self.trailers if key == name.lower().encode()]
        return found[0].decode("latin-1") if found else None


def fields(block: bytes) -> list[tuple[bytes, bytes]]:
    """Names in lower case, and values, of the header lines before a blank one."""
    found = []
    for line in block.split(b"\r\n"):
        if not line:
            break
        name, _, value = line.partition(b":")
        found.append((name.lower(), value.strip()))
    return found


class Wire:
    """One end of a connection: sends bytes, and takes messages apart as they arrive."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.buffer = bytearray()
        self.received = bytearray()  # everything, while `keep` is set
        self.keep = True

    @classmethod
    def to(cls, address: tuple[str, int]) -> Wire:
        return cls(socket.create_connection(address, TIMEOUT))

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- sending ------------------------------------------------------------------------------

    def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Each piece in a segment of its own."""
        for index, piece in enumerate(pieces):
            if index and pause:
                time.sleep(pause)
            self.sock.sendall(piece)

    def finish(self) -> None:
        """Half-close: no more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close so that the peer gets a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- receiving ----------------------------------------------------------------------------

    def fill(self, size: int = 65536) -> bool:
        """Receive once into the buffer; False at the end of the stream."""
        try:
            data = self.sock.recv(size)
        except ConnectionError:
            return False
        self.buffer += data
        if self.keep:
            self.received += data
        return bool(data)

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self.fill():
                raise Broken(f"{len(self.buffer)} of {count} bytes")
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def through(self, mark: bytes) -> bytes:
        """Everything up to and with this mark."""
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark) + 1)
            if not self.fill():
                raise Broken(f"no {mark!r} in {bytes(self.buffer[:200])!r}")
        return self.take(at + len(mark))

    def rest(self) -> bytes:
        """Everything until the peer closes."""
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def ended(self, within: float = TIMEOUT) -> bool:
        """Whether the peer closes, with nothing more said, within this time."""
        self.sock.settimeout(within)
        try:
            return not self.buffer and not self.fill()
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(TIMEOUT)

    def silent(self, during: float = 0.15) -> bool:
        """Whether nothing arrives, and nothing closes, during this time."""
        self.sock.settimeout(during)
        try:
            self.fill()
        except TimeoutError:
            return not self.buffer
        finally:
            self.sock.settimeout(TIMEOUT)
        return False

    # -- messages -----------------------------------------------------------------------------

    def head(self) -> Message | None:
        """The next head; None where the peer closed before it began."""
        if not self.buffer and not self.fill():
            return None
        return Message(self.through(b"\r\n\r\n"))

    def chunk(self) -> tuple[bytes, bytes]:
        """The next chunk: its raw bytes and its content, both empty of data for the last one."""
        line = self.through(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            return line, b""
        data = self.take(size + 2)
        assert data.endswith(b"\r\n"), data[-20:]
        return line + data, data[:-2]

    def trailer_section(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """The raw lines after the last chunk, and the trailers among them."""
        raw = b""
        while not raw.endswith(b"\r\n\r\n") and raw != b"\r\n":
            raw += self.through(b"\r\n")
        return raw, fields(raw)

    def body(self, message: Message, *, bodiless: bool = False) -> Message:
        """Receive the body that this head announces."""
        coding = message.header("transfer-encoding")
        length = message.header("content-length")
        if bodiless:
            return message
        if coding == "chunked":
            raw, content = [], []
            while True:
                framed, data = self.chunk()
                raw.append(framed)
                if not data:
                    break
                content.append(data)
            section, message.trailers = self.trailer_section()
            message.body = b"".join(raw) + section
            message.content = b"".join(content)
        elif length is not None:
            message.body = message.content = self.take(int(length))
        elif message.head.startswith(b"HTTP/"):
            message.body = message.content = self.rest()
        return message

    def request(self) -> Message | None:
        message = self.head()
        return message and self.body(message)

    def response(self, *, to: bytes = b"") -> Message:
        """The next final response; interim ones are kept beside it."""
        interim: list[bytes] = []
        while True:
            message = self.head()
            if message is None:
                raise Broken("closed without an answer")
            if 200 <= message.status:
                break
            interim.append(message.head)
        message.interim = interim
        bodiless = to == b"HEAD" or message.status in (204, 304)
        return self.body(message, bodiless=bodiless)


def cut(data: bytes, points: Iterable[int]) -> list[bytes]:
    """The data in segments that end at these points."""
    edges = [0, *sorted({min(point, len(data)) for point in points}), len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:]) if a < b]
