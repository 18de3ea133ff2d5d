r"""Execution environments of one function, as Lambda has them: started as needed, reused if idle.

    invoke --> an idle environment, the one used last --> its endpoint (an emulator, a container)
           \-> a new environment, as long as there are fewer than `limit`
           \-> None: all of them are busy
    enqueue --> waits in the queue until an environment is idle

An environment takes one invocation at a time. It is a slot with a thread of its own. If its
endpoint ends, the slot gets a new one when it is needed next. The kernel ends an emulator together
with the thread that started it (PR_SET_PDEATHSIG), so the thread lives until everything is closed.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT, Progress
from faultlayer_cli.running.emulator import Endpoint, NotRunning
from faultlayer_cli.running.http_client import Response

Make = Callable[[int], Endpoint]
_QUEUE_SIZE = 100 << 20  # bytes of events that wait at most
_STOPPING = "the function is being stopped"
_LAST_WORDS = 1.0  # seconds for an emulator that gave no answer to be seen to have ended


@dataclass
class _Invocation:
    payload: bytes
    headers: Mapping[str, str]
    answer: Future[Response] = field(default_factory=Future)


class _Environment(threading.Thread):
    """One slot: runs one invocation after another on its endpoint, made if there is none."""

    def __init__(self, number: int, make: Make, progress: Progress) -> None:
        super().__init__(name=f"environment {number}", daemon=True)
        self.number = number
        self.idle: Callable[[_Environment], None] = lambda environment: None
        self._make = make
        self._progress = progress
        self._work: queue.SimpleQueue[_Invocation | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # for the three below
        self._endpoint: Endpoint | None = None
        self._starting = False
        self._closing = False

    def give(self, invocation: _Invocation) -> None:
        self._work.put(invocation)

    def run(self) -> None:
        while invocation := self._work.get():
            self._carry_out(invocation)

    def _carry_out(self, invocation: _Invocation) -> None:
        answer = invocation.answer
        # From here on it cannot be cancelled: a caller who leaves does not end an invocation.
        if not answer.set_running_or_notify_cancel():
            self.idle(self)
            return
        try:
            response = self._invoke(invocation)
        except Exception as error:
            self.idle(self)
            answer.set_exception(error)
        else:
            # Idle before the caller hears of it: the next request may follow at once.
            self.idle(self)
            answer.set_result(response)

    def _invoke(self, invocation: _Invocation) -> Response:
        self.replace_if_ended()
        try:
            return self._send(invocation)
        except NotRunning:  # it ended just now, and the invocation never began
            return self._send(invocation)

    def _send(self, invocation: _Invocation) -> Response:
        try:
            endpoint = self.ready()
        except Failure as failure:
            self._tell(f"{failure}; the next request tries again")
            raise
        try:
            return endpoint.invoke(invocation.payload, invocation.headers)
        except Failure as failure:
            why = _reason(endpoint, failure)
            if self._drop():
                self._tell_end(why)
            raise type(failure)(why) from None

    def ready(self) -> Endpoint:
        """The endpoint, started if it is not. Raises Failure if that cannot be done."""
        if self._endpoint is not None:
            return self._endpoint
        if self._closing:
            raise Failure(_STOPPING)
        try:
            endpoint = self._start()
        except Failure:
            self._drop()
            raise
        except OSError as error:  # no memory, no process, no descriptor
            self._drop()
            raise Failure(f"it cannot start: {error.strerror or error}") from None
        if self._closing and self._drop():
            raise Failure(_STOPPING)
        return endpoint

    def _start(self) -> Endpoint:
        endpoint = self._make(self.number)
        with self._lock:
            self._endpoint, self._starting = endpoint, True
        try:
            endpoint.start()
        finally:  # after an interrupt it is closed with all others
            with self._lock:
                self._starting = False
        return endpoint

    def ended(self) -> str | None:
        """The reason why its endpoint ended by itself; None if it did not, or if there is none."""
        endpoint = self._endpoint
        return endpoint.ended() if endpoint is not None else None

    def replace_if_ended(self) -> None:
        """Let go of an endpoint that ended by itself, and say so."""
        why = self.ended()
        if why and self._drop():
            self._tell_end(why)

    @property
    def warm(self) -> bool:
        return self._endpoint is not None

    def _tell_end(self, why: str) -> None:
        self._tell(f"{why}; a new one takes its place when it is needed")

    def _tell(self, text: str) -> None:
        if not self._closing:
            self._progress.note(f"environment {self.number}: {text}")

    def _drop(self) -> bool:
        """Close the endpoint; False if that is done already."""
        with self._lock:
            endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()
        return endpoint is not None

    def close(self) -> None:
        """Stop, also in the middle of an invocation."""
        with self._lock:
            self._closing = True
            starting = self._starting
        if not starting:  # else the thread that starts it closes it
            self._drop()
        # Not earlier: an emulator whose thread ends is killed, and its function prints a traceback.
        self._work.put(None)
        if self.is_alive():
            self.join()


def _reason(endpoint: Endpoint, failure: Failure) -> str:
    """Why the endpoint gave no answer: its end, if it has ended."""
    end = time.monotonic() + _LAST_WORDS
    while not (why := endpoint.ended()) and time.monotonic() < end:
        time.sleep(0.05)
    return why or str(failure)


class Environments:
    """At most `limit` environments of one function, whose endpoints `make` gives by number."""

    def __init__(self, make: Make, limit: int, progress: Progress = SILENT) -> None:
        self.limit = limit
        self._make = make
        self._progress = progress
        self._lock = threading.Lock()  # for all below
        self._all: list[_Environment] = []
        self._idle: list[_Environment] = []  # the one used last is at the end
        self._waiting: deque[_Invocation] = deque()
        self._waiting_size = 0
        self._closed = False

    def start(self) -> Endpoint:
        """Start the first one, to see that it can be done. Raises Failure if it cannot.

        The function itself starts with the first invocation.
        """
        with self._lock:
            first = self._add()
        endpoint = first.ready()
        self._release(first)
        return endpoint

    def invoke(self, payload: bytes, headers: Mapping[str, str]) -> Future[Response] | None:
        """Run it now; None if all environments are busy."""
        invocation = _Invocation(payload, headers)
        with self._lock:
            environment = self._take()
            if environment is None:
                return None
        environment.give(invocation)
        return invocation.answer

    def enqueue(self, payload: bytes, headers: Mapping[str, str]) -> bool:
        """Run it as soon as an environment is idle; False if too many wait already."""
        invocation = _Invocation(payload, headers)
        with self._lock:
            environment = self._take()
            if environment is None:
                if self._waiting_size + len(payload) > _QUEUE_SIZE:
                    return False
                self._waiting.append(invocation)
                self._waiting_size += len(payload)
                return True
        environment.give(invocation)
        return True

    @property
    def waiting(self) -> int:
        """How many invocations wait for an environment."""
        return len(self._waiting)

    def tend(self) -> None:
        """Drop endpoints that ended while they were idle, and say so at once."""
        for environment in tuple(self._idle):
            if environment.ended():
                with self._lock:
                    if environment not in self._idle:
                        continue  # taken meanwhile: it finds out by itself
                    self._idle.remove(environment)
                environment.replace_if_ended()
                self._release(environment)

    def _take(self) -> _Environment | None:
        """An environment that is ours now; the caller holds the lock."""
        if self._closed:
            return None
        if self._idle:
            return self._idle.pop()
        return self._add() if len(self._all) < self.limit else None

    def _add(self) -> _Environment:
        environment = _Environment(len(self._all) + 1, self._make, self._progress)
        environment.idle = self._release
        environment.start()
        self._all.append(environment)
        return environment

    def _release(self, environment: _Environment) -> None:
        """Give the environment a queued invocation, or let it be idle: cold ones are taken last."""
        with self._lock:
            invocation = self._waiting.popleft() if self._waiting else None
            if invocation is None:
                self._idle.insert(len(self._idle) if environment.warm else 0, environment)
                return
            self._waiting_size -= len(invocation.payload)
        environment.give(invocation)

    def close(self) -> None:
        """Stop everything, and wait until it has stopped."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            environments = list(self._all)
        closing = [threading.Thread(target=environment.close) for environment in environments]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
