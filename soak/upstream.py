"""The Runtime API of the soak: hand out events, judge every answer.

No answer counts twice or for another invocation, and an event without an answer is found. It runs
in a process of its own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from soak.cases import case, number_of
from soak.expect import Expected
from soak.rules import Draws
from soak.runtime_api import ACCEPTED, RuntimeApi, event, reply
from soak.wire import Message

_RUNTIME = b"/2018-06-01/runtime/invocation/"
_KEPT = 20  # examples of what went wrong


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


_ACCEPTED = reply(b"202 Accepted", ACCEPTED)
_REFUSED = reply(b"400 Bad Request", b'{"errorType":"InvalidRequestID"}')
OVER = b"410 Over"


class Upstream(RuntimeApi):
    """Hand out events from `first` until `stop` or the time's end."""

    def __init__(self, seed: str, late: float) -> None:
        self._draws = Draws(seed)
        self._late = late
        self._lock = threading.Lock()
        self._given: dict[int, float] = {}  # invocations without an answer, since when
        self._next = self._stop = 0
        self._until = 0.0
        self.tally = Tally()
        super().__init__(backlog=256)

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

    def broken(self, error: Exception) -> None:
        with self._lock:
            self.tally.trouble("broken", f"upstream: {error}")

    def runtime(self, request: Message) -> bytes:
        method, target, _ = request.line.split(b" ")
        if target == _RUNTIME + b"next" and method == b"GET":
            return self._event()
        request_id, _, what = target.removeprefix(_RUNTIME).partition(b"/")
        return self._settle(number_of(request_id), what.decode("latin-1"), request)

    def _event(self) -> bytes:
        with self._lock:
            now = time.monotonic()
            if self._next >= self._stop or now >= self._until:
                return reply(OVER, b'{"errorType":"Over"}')
            number = self._next
            self._next += 1
            self._given[number] = now
        one = case(number)
        return event(
            number, one.event(), b"Lambda-Runtime-Invocation-Id: %b\r\n" % one.invocation_id
        )

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
