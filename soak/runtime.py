"""The soak's runtimes: parallel connections that ask, check and answer.

An event that is damaged, another invocation's, or delivered too often is noticed. Half of the
connections end after a few invocations and are opened anew, as runtimes that restart do; the
others stay. All run in a process of their own.
"""

from __future__ import annotations

import json
import socket
import threading
from random import Random

from soak.cases import CHUNKS, ERROR, HTTP_STREAM, STREAM, Case, case, number_of
from soak.expect import Expected
from soak.rules import Draws
from soak.upstream import OVER, Tally
from soak.wire import Broken, Message, Reader, no_delay

_PATIENCE = 60.0  # seconds; past every deadline
_NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: soak\r\n\r\n"
_KINDS = {
    STREAM: b"application/octet-stream",
    HTTP_STREAM: b"application/vnd.awslambda.http-integration-response",
}
_PIECE = 50_000  # bytes of a chunk; smaller ones come in threes


class Runtimes:
    """All connections of one phase, and their common tally."""

    def __init__(self, port: int, seed: str, connections: int) -> None:
        self._port = port
        self._draws = Draws(seed)
        self._connections = connections
        self._lock = threading.Lock()
        self._given: dict[int, int] = {}  # deliveries of what is given more than once
        self.tally = Tally()

    def run(self) -> Tally:
        """Run invocations until no more come."""
        threads = [
            threading.Thread(target=self._runtime, args=(place,), daemon=True)
            for place in range(self._connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, seen in self._given.items():
            self.tally.trouble("lost", f"a delivery of {number} after {seen}")
        self._given.clear()
        tally, self.tally = self.tally, Tally()
        return tally

    def _trouble(self, kind: str, example: str) -> None:
        with self._lock:
            self.tally.trouble(kind, example)

    def _runtime(self, place: int) -> None:
        random = Random(place)
        failures = 0
        while failures < 20:  # else nothing listens any more
            lasts = random.randrange(1, 60) if place % 2 else 1 << 40
            try:
                if self._connection(lasts):
                    return
            except (OSError, Broken) as error:
                failures += 1
                self._trouble("broken", f"runtime {place}: {type(error).__name__} {error}")

    def _connection(self, lasts: int) -> bool:
        """Run invocations on a connection; true if no more events come."""
        with socket.create_connection(("127.0.0.1", self._port), _PATIENCE) as sock:
            reader = Reader(no_delay(sock))
            for _ in range(lasts):
                sock.sendall(_NEXT)
                event = reader.message()
                if event is None:
                    raise Broken("closed where an event was due")
                status = event.line.partition(b" ")[2]
                if status == OVER:
                    return True
                if not status.startswith(b"200 "):
                    raise Broken(f"an event with {status[:40]!r}")
                answer = self._invoked(event)
                sock.sendall(answer)
                said = reader.message()
                if said is None or not said.line.startswith(b"HTTP/1.1 202 "):
                    raise Broken(f"an answer that got {said and said.line[:40]!r}")
        return False

    def _invoked(self, event: Message) -> bytes:
        """Check an event; returns the answer as it goes on the wire."""
        number = number_of(event.headers.get(b"lambda-runtime-aws-request-id", b""))
        if number is None:
            raise Broken("an event without a request id of ours")
        one = case(number)
        expected = Expected(one, self._draws)
        meant, content = expected.event(), event.content
        if meant != (content if isinstance(meant, bytes) else _json(content)):
            self._trouble("mixed up", f"event {number}, {len(event.content)} bytes")
        return _request(one, self._delivery(number, expected.runs))

    def _delivery(self, number: int, runs: int) -> int:
        """The number of this delivery, from 1."""
        if runs == 0:
            self._trouble("mixed up", f"event {number}, which no function was to see")
        if runs <= 1:
            return 1
        with self._lock:
            delivery = self._given.pop(number, 0) + 1
            if delivery < runs:
                self._given[number] = delivery
        return delivery


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _request(one: Case, delivery: int) -> bytes:
    what = b"error" if one.how == ERROR else b"response"
    content = one.answer(delivery)
    head = (
        b"POST /2018-06-01/runtime/invocation/%b/%b HTTP/1.1\r\nHost: soak\r\n"
        b"Lambda-Runtime-Invocation-Id: %b\r\nContent-Type: %b\r\n"
    ) % (one.id, what, one.invocation_id, _KINDS.get(one.how, b"application/json"))
    if one.how == ERROR:
        head += b"Lambda-Runtime-Function-Error-Type: Own.Error\r\n"
    if one.how not in (CHUNKS, STREAM, HTTP_STREAM):
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    if one.how != CHUNKS:
        head += b"Lambda-Runtime-Function-Response-Mode: streaming\r\n"
        head += b"Trailer: Lambda-Runtime-Function-Error-Type\r\n"
    size = min(_PIECE, len(content) // 3 + 1)
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
