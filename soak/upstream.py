"""The Runtime API of the soak: hand out events, judge every answer.

No answer counts twice or for another invocation, and an event without an answer is found. A
process of its own, with one blocking thread per connection.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from soak.cases import case, number_of
from soak.expect import Expected
from soak.rules import LONGEST, Draws
from soak.wire import Broken, Message, Reader, no_delay

_RUNTIME = b"/2018-06-01/runtime/invocation/"
_EXTENSION = b"/2020-01-01/extension/"
_KEPT = 20  # examples of what went wrong
_ARN = b"arn:aws:lambda:eu-west-1:123456789012:function:soak"


@dataclass
class Tally:
    """Counts of one side by kind of trouble, with examples."""

    troubles: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    moved: int = 0  # bytes
    slowest: float = 0.0  # seconds beyond what the faults explain

    def trouble(self, kind: str, example: str) -> None:
        self.troubles[kind] += 1
        if len(self.examples) < _KEPT:
            self.examples.append(f"{kind}: {example}")

    def add(self, other: Tally) -> None:
        self.troubles += other.troubles
        self.examples = (self.examples + other.examples)[:_KEPT]
        self.injected += other.injected
        self.answers += other.answers
        self.moved += other.moved
        self.slowest = max(self.slowest, other.slowest)


def reply(status: bytes, content: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
    return head % (status, more, len(content), content)


_ACCEPTED = reply(b"202 Accepted", b'{"status":"OK"}\n')
_REFUSED = reply(b"400 Bad Request", b'{"errorType":"InvalidRequestID"}')
OVER = b"410 Over"


class Upstream:
    """Hand out events from `first` until `stop` or the time's end."""

    def __init__(self, seed: str, late: float) -> None:
        self._draws = Draws(seed)
        self._late = late
        self._lock = threading.Lock()
        self._given: dict[int, float] = {}  # invocations without an answer, since when
        self._next = self._stop = 0
        self._until = 0.0
        self.tally = Tally()
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, count: int, seconds: float) -> None:
        """Hand out so many events from now on, for limited time (seconds)."""
        with self._lock:
            self._stop = self._next + count
            self._until = time.monotonic() + seconds

    def issued(self) -> int:
        return self._next

    def end(self) -> Tally:
        """The tally; an event without an answer by now is lost."""
        with self._lock:
            for number, since in self._given.items():
                waited = time.monotonic() - since
                self.tally.trouble("lost", f"{case(number).how} {number}, for {waited:.0f} s")
            self._given.clear()
            tally, self.tally = self.tally, Tally()
        return tally

    def leaving(self) -> None:
        """Tell the extension that the environment shuts down."""
        self._over.set()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(no_delay(sock),), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        reader = Reader(sock)
        try:
            while (request := reader.message()) is not None:
                sock.sendall(self._answer(request))
        except (Broken, OSError) as error:
            with self._lock:
                self.tally.trouble("broken", f"upstream: {error}")
        finally:
            sock.close()

    def _answer(self, request: Message) -> bytes:
        method, target, _ = request.line.split(b" ")
        if target.startswith(_EXTENSION):
            return self._extension(target)
        if target == _RUNTIME + b"next" and method == b"GET":
            return self._event()
        request_id, _, what = target.removeprefix(_RUNTIME).partition(b"/")
        return self._settle(number_of(request_id), what.decode("latin-1"), request)

    def _extension(self, target: bytes) -> bytes:
        if target.endswith(b"/register"):
            identity = b"Lambda-Extension-Identifier: soak\r\n"
            return reply(b"200 OK", b'{"functionName":"soak","handler":"h"}', identity)
        self._over.wait()
        return reply(b"200 OK", b'{"eventType":"SHUTDOWN","shutdownReason":"spindown"}')

    def _event(self) -> bytes:
        with self._lock:
            now = time.monotonic()
            if self._next >= self._stop or now >= self._until:
                return reply(OVER, b'{"errorType":"Over"}')
            number = self._next
            self._next += 1
            self._given[number] = now
        one = case(number)
        event = one.event()
        head = (
            b"Lambda-Runtime-Aws-Request-Id: %b\r\nLambda-Runtime-Deadline-Ms: %d\r\n"
            b"Lambda-Runtime-Invoked-Function-Arn: %b\r\nLambda-Runtime-Invocation-Id: %b\r\n"
        ) % (one.id, int((time.time() + LONGEST) * 1000), _ARN, one.invocation_id)
        return reply(b"200 OK", event, head)

    def _settle(self, number: int | None, what: str, request: Message) -> bytes:
        now = time.monotonic()
        with self._lock:
            since = None if number is None else self._given.pop(number, None)
            if number is None or number >= self._next:
                self.tally.trouble("mixed up", "an answer to what was never asked")
                return _REFUSED
            if since is None:
                self.tally.trouble("duplicated", f"a second answer to {number}")
                return _REFUSED
        one = case(number)
        expected = Expected(one, self._draws)
        kind = request.headers.get(b"lambda-runtime-function-error-type", b"")
        wrong = expected.wrong(what, kind, request.content)
        if not wrong and request.headers.get(b"lambda-runtime-invocation-id") != one.invocation_id:
            wrong = "another Lambda-Runtime-Invocation-Id, or none"
        excess = now - since - expected.delay
        with self._lock:
            tally = self.tally
            tally.answers += 1
            tally.moved += len(request.content) + one.event_size
            tally.injected += expected.injected
            tally.slowest = max(tally.slowest, excess)
            if wrong:
                tally.trouble("mixed up", f"{one.how} {number}: {wrong}")
            if excess > self._late:
                tally.trouble("late", f"{one.how} {number}: {excess:.1f} s")
            elif excess < -0.001:
                tally.trouble("early", f"{one.how} {number}: {-excess:.3f} s")
        return _ACCEPTED
