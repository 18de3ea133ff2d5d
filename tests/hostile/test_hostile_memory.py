"""A memory limit so low that what a fault has to read does not fit.

The fault is left out, which one line says, and the invocation passes, byte for byte; with room
again the fault acts again.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hostile_support import memory_group

from fakes.proxied import Extension, log_lines, start
from fakes.runtime import Runtime, chunked, echo, stream_head
from fakes.runtime_api import Invocation, RuntimeApi
from fakes.wire import Message
from faultlayer.environment import memory

ROOM = 2 << 20  # bytes that may still be had: enough for what passes, too little for what is kept
LARGE = json.dumps({"statusCode": 200, "body": "x" * 5_000_000}).encode()
SMALL = b'{"statusCode":200,"body":"x"}'


@contextmanager
def short(extension: Extension, room: int = ROOM) -> Iterator[None]:
    """The process gets so much more memory, and no more: malloc fails then."""
    pid = extension.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_DATA)
    resource.prlimit(pid, resource.RLIMIT_DATA, ((extension.status("VmData") << 10) + room, -1))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_DATA, before)


class InChunks(RuntimeApi):
    """Gives events in chunks, as Lambda gives those past 2 KB."""

    chunks = True

    def _next(self, conn: Any) -> bytes | None:
        event = super()._next(conn)
        if event is None or not self.chunks:
            return event
        head, _, body = event.partition(b"\r\n\r\n")
        head = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
        return head + b"\r\n\r\n" + chunked(body)


@pytest.fixture(params=[False, True], ids=["sized", "chunked"])
def api(request: pytest.FixtureRequest) -> Iterator[InChunks]:
    with InChunks() as server:
        server.chunks = request.param
        yield server
    assert not server.errors
    assert not server.doubled
    assert not server.refused


def answered(api: InChunks, runtime: Runtime, event: Message, body: bytes) -> Message:
    if not api.chunks:
        return runtime.respond(event, body)
    head = stream_head(runtime.id_of(event), echo(event)).replace(b"streaming", b"buffered")
    pieces = [body[at : at + 300_000] for at in range(0, len(body), 300_000)]
    return runtime.ask(head + chunked(*pieces))


def turn(api: InChunks, runtime: Runtime, event: bytes, answer: bytes) -> Invocation:
    """An invocation that nothing may touch, whose function gets the event once."""
    invoked = api.invoke(event)
    got = runtime.next()
    assert got.content == event
    assert answered(api, runtime, got, answer).status == 202
    assert invoked.result().content == answer
    return invoked


class Reading(NamedTuple):
    """A fault, the variables that make it read, and what it reads: a large event or answer."""

    name: str
    variables: dict[str, str]
    event: bytes
    answer: bytes


def reading(name: str, event: bytes, answer: bytes, **variables: str) -> Reading:
    given = {f"FAULTLAYER_{variable}": text for variable, text in variables.items()}
    return Reading(name, given, event, answer)


READINGS = {
    "a match": reading("latency", LARGE, SMALL, LATENCY="1ms", MATCH="statusCode=200"),
    "the event": reading("event", LARGE, SMALL, EVENT='{"body":1}'),
    "the answer": reading("corruption", SMALL, LARGE, CORRUPTION="replace"),
    "its headers": reading("headers", SMALL, LARGE, HEADERS='{"x-a":"1"}'),
    "its end": reading("oversize", SMALL, LARGE, OVERSIZE="6MB"),
}
AGAIN = reading("duplicate", SMALL, LARGE, DUPLICATE="2")
every_reading = pytest.mark.parametrize("case", READINGS.values(), ids=READINGS)


@contextmanager
def warm(
    api: InChunks, folder: Path, variables: dict[str, str], deliveries: int = 1
) -> Iterator[tuple[Extension, Runtime]]:
    """An extension with a small invocation behind it, which came so often, and its runtime."""
    with Extension(api.host, folder, **variables) as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            invoked = api.invoke(SMALL)
            for _ in range(deliveries):
                answered(api, runtime, runtime.next(), SMALL)
            invoked.result()
            yield extension, runtime


@every_reading
def test_without_room_for_what_it_reads_a_fault_is_left_out_and_the_invocation_passes(
    api: InChunks, tmp_path: Path, case: Reading
) -> None:
    with warm(api, tmp_path, case.variables) as (extension, runtime):
        before = len(extension.log)
        with short(extension):
            for count in range(1, 4):
                invoked = turn(api, runtime, case.event, case.answer)
                *_, line = extension.log[before:]
                assert len(extension.log) - before == count
                assert (line["event"], line["message"]) == ("internal_error", "MemoryError")
                assert (line["fault"], line["request_id"]) == (case.name, invoked.request_id)


@every_reading
def test_where_the_kernel_would_kill_over_what_a_fault_reads_it_is_left_out(
    api: InChunks, tmp_path: Path, case: Reading
) -> None:
    """The kernel grants more than it has: what a body needs is asked for before it is read."""
    with warm(api, tmp_path, case.variables) as (extension, runtime):
        before = len(extension.log)
        with memory_group(extension.process.pid, 10 << 20):
            for _ in range(3):
                turn(api, runtime, case.event, case.answer)
        told = [(line["event"], line["fault"]) for line in extension.log[before:]]
        assert told == [("internal_error", case.name)] * 3
        assert extension.process.poll() is None


@every_reading
def test_where_little_is_left_what_a_fault_reads_is_left_out(
    api: InChunks,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Reading,
) -> None:
    """The same where no control group can be made: what the kernel would tell is made up."""
    monkeypatch.setattr(memory, "free_memory", lambda: 10 << 20)
    with Runtime(start(api.address, case.variables)) as runtime:
        turn(api, runtime, case.event, case.answer)
        monkeypatch.setattr(memory, "free_memory", lambda: 50 << 20)
        api.invoke(case.event)
        answered(api, runtime, runtime.next(), case.answer)
    told = [(line["event"], line["fault"]) for line in log_lines(capfd.readouterr().out)]
    assert told == [("internal_error", case.name), ("fault_injected", case.name)]


@pytest.mark.parametrize("case", [*READINGS.values(), AGAIN], ids=[*READINGS, "an answer again"])
def test_with_whatever_room_the_invocation_is_answered(
    api: InChunks, tmp_path: Path, case: Reading
) -> None:
    """Wherever memory ends: each large block is the kernel's to give, so each room counts."""
    times = 2 if case is AGAIN else 1
    variables = case.variables | {"MALLOC_MMAP_THRESHOLD_": "0"}
    with warm(api, tmp_path, variables, times) as (extension, runtime):
        for room in range(ROOM // 2, 4 * ROOM, 160 << 10):
            with short(extension, room):
                invoked = api.invoke(case.event)
                got = runtime.next()
                assert answered(api, runtime, got, case.answer).status == 202, room
                if not invoked.done.is_set():
                    assert case is AGAIN
                    answered(api, runtime, runtime.next(), case.answer)
                line = extension.log[-1]
                assert line["request_id"] == invoked.request_id, room
                if line["event"] != "fault_injected":
                    assert (got.content, invoked.result().content) == (case.event, case.answer)
                invoked.result()
            api.forget()


def test_without_room_to_hold_an_answer_back_it_leaves_and_is_the_last(
    api: InChunks, tmp_path: Path
) -> None:
    """An answer is not thrown away before it is whole, so what cannot be held must leave."""
    with warm(api, tmp_path, {"FAULTLAYER_DUPLICATE": "3"}, 3) as (extension, runtime):
        with short(extension):
            invoked = turn(api, runtime, SMALL, LARGE)
        last = extension.log[-1]
        assert (last["event"], last["message"]) == ("internal_error", "MemoryError")
        assert last["request_id"] == invoked.request_id
        after = api.invoke(SMALL)
        for number in range(3):
            answered(api, runtime, runtime.next(), b"%d" % number)
        assert after.result().content == b"2"


def test_with_room_again_the_fault_acts_again(api: InChunks, tmp_path: Path) -> None:
    with Extension(api.host, tmp_path, FAULTLAYER_CORRUPTION="replace") as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            for _ in range(2):
                api.invoke(SMALL)
                answered(api, runtime, runtime.next(), SMALL)
                with short(extension):
                    turn(api, runtime, SMALL, LARGE)
                invoked = api.invoke(SMALL)
                answered(api, runtime, runtime.next(), LARGE)
                assert invoked.result().json["body"] != "x" * 5_000_000
        told = [line["event"] for line in extension.log]
        assert told == ["fault_injected", "internal_error", "fault_injected"] * 2


def test_a_stream_needs_no_room_and_the_fault_acts(api: InChunks, tmp_path: Path) -> None:
    """What is held of a stream is bounded, so it fits where an answer of its length does not."""
    with Extension(api.host, tmp_path, FAULTLAYER_CORRUPTION="garble") as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            for size in (1, 100):
                invoked = api.invoke(SMALL)
                event = runtime.next()
                with short(extension, ROOM if size > 1 else 64 * ROOM):
                    assert runtime.stream(event, *[b"xx" * 50_000] * size).status == 202
                assert len(invoked.result().content) == size * 100_000
                assert invoked.content.count(b"\xff") >= size * 50_000
        assert [line["event"] for line in extension.log] == ["fault_injected"] * 2


def test_without_room_for_a_thread_a_connection_is_relayed_and_the_others_are_served(
    api: InChunks, tmp_path: Path
) -> None:
    with warm(api, tmp_path, READINGS["its headers"].variables) as (extension, runtime):
        with short(extension):
            with Runtime(extension.address) as other:
                passing = api.invoke(SMALL)
                assert other.turn(b"{}") == passing.request_id
            api.invoke(SMALL)
            answered(api, runtime, runtime.next(), SMALL)
        runtime.wire.close()
        with Runtime(extension.address) as other:
            invoked = api.invoke(SMALL)
            answered(api, other, other.next(), SMALL)
            assert invoked.result().json["headers"] == {"x-a": "1"}
        told = [line["event"] for line in extension.log]
        assert told == ["fault_injected", "relayed", "fault_injected", "fault_injected"]
