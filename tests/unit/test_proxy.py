"""The fast path: a message that it takes for whole is whole, and it agrees with the careful path.

It is driven through two sides in memory. A request that it hands to `send_and_peek`, and a response
that it gives back without `read_response`, were judged by the quick look alone.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from faultlayer.http.framing import ProtocolError, check_request, check_response, scan, status_of
from faultlayer.http.message import Message
from faultlayer.http.runtime_api import INVOCATION, NEXT
from faultlayer.proxy import Connection
from fuzz.endpoints import End, Stuck, serve
from unit.wire_strategies import fields

POLL = NEXT + b"HTTP/1.1\r\nHost: x\r\n\r\n"
PLAIN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"


class Careful(Exception):
    """The loop asked the careful path."""


class Memory:
    """Both sides: a runtime that sends these requests, Lambda, which answers each with `answer`."""

    def __init__(self, requests: list[bytes], answer: bytes) -> None:
        self.requests = [POLL, *requests, b""]
        self.answer = answer
        self.told: list[bytes] = []
        self.replied: list[bytes] = []
        self.reused = False
        self.peer = SimpleNamespace(
            pending=b"", recv=lambda size: self.requests.pop(0), send=self.replied.append
        )

    def send_and_peek(self, data: bytes) -> bytes:
        self.told.append(data)
        return self.answer

    def read_request(self, data: bytes) -> Message:
        """The first poll is looked at with care, and known from then on."""
        if data != POLL:
            raise Careful
        return Message(POLL, POLL.lower(), 0)

    def forward_request(self, request: Message) -> Message:
        return Message(PLAIN, PLAIN[:-2].lower(), 2)

    def forward_response(self, response: Message) -> bool:
        return True

    def read_response(self, request: bytes, first: bytes) -> Message:
        raise Careful


def drive(requests: list[bytes], answer: bytes) -> Memory:
    """Serve a first request for an event, then these."""
    memory = Memory(requests, answer)
    chooser = SimpleNamespace(decide=lambda event, head: None, awaited=lambda: None)
    proxy: Any = SimpleNamespace(
        chooser=chooser,
        pending={},
        deliveries=None,
        host=b"x",
        runtime_api=b"x",
        start=None,
        held=False,
    )
    sides: Any = memory
    with contextlib.suppress(Careful):
        Connection(proxy, sides, sides).serve()
    return memory


def _disagrees(data: bytes, length: int) -> bool:
    return len(scan(data)[0]) + length != len(data)


@st.composite
def messages(draw: st.DrawFn, line: bytes) -> bytes:
    """A message of this start line, whose body is mostly the five bytes that mostly are due."""
    body = draw(st.sampled_from([b"12345"] * 4 + [b"", b"1234", b"12345\r\n\r\n", b"\n\r\n12"]))
    return line + b"\r\n" + draw(fields()) + body


START = INVOCATION + b"8476a536/response HTTP/1.1"


@given(messages(START))
@example(START + b"\r\nContent-Length: 5\r\n\r\n12345")
@example(START + b"\nContent-Length: 7\r\n\n\r\n12345")
def test_a_request_taken_for_whole_is_whole(request: bytes) -> None:
    memory = drive([request], PLAIN)
    assert memory.told in ([], [request])
    if not memory.told:
        return
    try:
        lowered, length = scan(request)
        assert not _disagrees(request, check_request(lowered, length))
    except ProtocolError:
        pass  # no length at all is certain: it passes as it came, and upstream refuses it
    assert memory.replied == [PLAIN]


@given(st.sampled_from([b"200 OK", b"202 Accepted", b"500 No"]), st.booleans(), st.data())
def test_an_answer_taken_for_whole_is_whole(
    status: bytes, event: bool, data: st.DataObject
) -> None:
    answer = data.draw(messages(b"HTTP/1.1 " + status))
    request = START + b"\r\nContent-Length: 0\r\n\r\n"
    memory = drive([POLL if event else request], answer)
    if not memory.replied:
        return
    assert memory.replied == [answer], "byte for byte"
    try:
        length = check_response(scan(answer)[1], status_of(answer))
        assert not _disagrees(answer, length)
    except ProtocolError:
        pass


def test_ordinary_messages_need_no_second_look() -> None:
    request = START + b"\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
    memory = drive([request, POLL, request], PLAIN)
    assert memory.told == [request, POLL, request]
    assert memory.replied == [PLAIN] * 3


# -- the careful path -------------------------------------------------------------------------


class CarefulConnection(Connection):
    """A connection that leaves every request to the careful path."""

    __slots__ = ()

    def _fast_path(self) -> None:
        while (data := self._runtime.peer.take()) and self._careful_path(data):
            pass


def passed(
    requests: list[bytes], responses: list[bytes], connection: type[Connection]
) -> tuple[bytes, bytes]:
    """The bytes that Lambda got, and those that the runtime got."""
    given = iter(responses)

    def respond(data: bytes) -> None:
        if lambda_end.sent.endswith(END):
            lambda_end.arrive(next(given, PLAIN))

    lambda_end = End([], ended=False, hear=respond)
    client = End([request + END for request in requests], ended=True)
    try:
        with contextlib.suppress(Stuck, StopIteration):
            serve(client, lambda: lambda_end, connection)
        return bytes(lambda_end.sent), bytes(client.sent)
    finally:
        client.close()
        lambda_end.close()


END = b"<end>"  # of each request, so that Lambda knows when to answer


def result(body: bytes) -> bytes:
    return START + b"\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body) + len(END), body)


def event(body: bytes, request_id: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %d\r\nContent-Length: %d\r\n\r\n%b"
    return head % (request_id, len(body), body)


POLLED = NEXT + b"HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(END)
bodies = st.binary(max_size=40).filter(lambda body: END not in body)
turns = st.tuples(bodies, bodies, st.sampled_from([b"202 Accepted", b"413 Too Large", b"500 No"]))


@given(st.lists(turns, max_size=4))
def test_the_fast_path_and_the_careful_path_agree(turns: list[tuple[bytes, bytes, bytes]]) -> None:
    requests: list[bytes] = []
    responses: list[bytes] = []
    for number, (given_event, returned, status) in enumerate(turns):
        requests += [POLLED, result(returned)]
        receipt = b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nok" % status
        responses += [event(given_event, number), receipt]
    quick = passed(requests, responses, Connection)
    assert quick == passed(requests, responses, CarefulConnection)
    assert quick == (b"".join(request + END for request in requests), b"".join(responses))
