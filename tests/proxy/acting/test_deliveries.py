"""Events that are given again to runtimes that ask ahead of their results, or never again."""

from __future__ import annotations

import errno
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes.proxied import Address, Logged, Proxied, soon
from fakes.runtime import NEXT, Runtime, echo, posted
from fakes.runtime_api import RuntimeApi
from fakes.turns import near
from faultlayer.acting import deliveries
from faultlayer.acting.redelivery import Redelivery
from faultlayer.http.message import Message
from faultlayer.wire import interrupts
from faultlayer.wire.runtime_side import RuntimeSide
from faultlayer.wire.upstream_side import UpstreamSide


def polls(api: RuntimeApi) -> int:
    """How often Lambda was asked for an event."""
    return sum(request.method == b"GET" for request in api.requests)


@pytest.fixture
def ahead(api: RuntimeApi) -> Iterator[None]:
    """At the end Lambda was asked once for each event, and once more at most."""
    yield
    assert len(api.given) <= polls(api) <= len(api.given) + 1


@pytest.mark.usefixtures("ahead")
def test_a_runtime_that_asks_ahead_of_its_result_gets_the_event_again_at_its_poll(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="3", DUPLICATE_MATCH="hit")
    with Runtime(address) as asks, Runtime(address) as tells:
        asks.wire.send(NEXT)
        for payload in (b'{"hit":1}', b"{}", b'{"hit":2}'):
            invoked = api.invoke(payload)
            for number in range(3 if b"hit" in payload else 1):
                event = asks.wire.response()
                assert (asks.id_of(event), event.content) == (invoked.request_id, payload)
                asks.wire.send(NEXT)
                if number == 1:
                    assert asks.wire.silent(0.05), "it waits at Lambda"
                assert tells.respond(event, b"%d" % number).status == 202
            assert invoked.result().content == b"%d" % number
    assert [line["event"] for line in logged()] == ["fault_injected"] * 2


@pytest.mark.usefixtures("ahead")
def test_a_poll_that_waited_before_the_event_came_is_good_enough_on_any_connection(
    api: RuntimeApi, proxied: Proxied
) -> None:
    address = proxied(api, DUPLICATE="2", DUPLICATE_MAX="1")
    with Runtime(address) as one, Runtime(address) as two:
        one.wire.send(NEXT)
        assert soon(lambda: polls(api) == 1)
        two.wire.send(NEXT)
        assert soon(lambda: polls(api) == 2)
        invoked = api.invoke()
        first, second = (one, two) if not one.wire.silent(0.1) else (two, one)
        assert first.respond(first.wire.response(), b"1").status == 202
        event = second.wire.response()
        assert second.id_of(event) == invoked.request_id
        assert not invoked.done.is_set()
        assert second.respond(event, b"2").status == 202
        assert invoked.result().content == b"2"
        another = api.invoke()  # for the poll that is still open at Lambda
        assert first.turn(b"3") == another.request_id
        assert another.result().content == b"3"


def test_without_such_a_poll_it_comes_with_the_next_one(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a kernel that receives nothing after a wait was ended."""
    monkeypatch.setattr(interrupts, "_possible", False)
    address = proxied(api, DUPLICATE="2")
    with Runtime(address) as asks, Runtime(address) as tells:
        invoked = api.invoke()
        event = asks.next()
        asks.wire.send(NEXT)
        assert soon(lambda: polls(api) == 2)
        assert tells.respond(event, b"1").status == 202
        assert asks.wire.silent()
        assert not invoked.done.is_set()
        assert tells.next().raw == event.raw
        assert tells.respond(event, b"2").status == 202
        assert invoked.result().content == b"2"
    assert [line["event"] for line in logged()] == ["fault_injected"]


# -- runtimes that never ask again -------------------------------------------------------------


def test_a_runtime_that_never_asks_again_has_answered_all_the_same(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    """By the deadline, with what else was to happen to its answer."""
    address = proxied(api, DUPLICATE="2", HEADERS='{"a":"b"}')
    invoked = api.invoke(deadline_ms=near(1.5))
    with Runtime(address) as runtime:
        assert runtime.respond(runtime.next(), b'{"statusCode":200}').status == 202
        assert invoked.result().json == {"statusCode": 200, "headers": {"a": "b"}}
        assert time.monotonic() - invoked.given < 1.5
    lines = {(line["event"], line["fault"]): line for line in logged()}
    assert set(lines) == {("fault_not_applied", "duplicate"), ("fault_injected", "headers")}
    why = lines["fault_not_applied", "duplicate"]["message"]
    assert why == "the runtime asked for no event in time"


def test_so_has_one_that_leaves_and_its_limit_is_not_used_up(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="2", DUPLICATE_MAX="1")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        assert runtime.stream(runtime.next(), b"a", b"b", trailers=b"X: y\r\n").status == 202
    assert invoked.result().content == b"ab"
    assert invoked.answer
    assert invoked.answer.trailers == [(b"x", b"y")]
    (line,) = logged()
    assert line["message"] == "the runtime has closed its connections"
    again = api.invoke()
    with Runtime(address) as runtime:
        for body in (b"1", b"2"):
            runtime.turn(body)
    assert again.result().content == b"2"


def test_one_whose_poll_took_another_event_has_answered_all_the_same(
    api: RuntimeApi, proxied: Proxied
) -> None:
    """Each result came on the connection of the other's event, and one poll follows."""
    address = proxied(api, DUPLICATE="2")
    with Runtime(address) as one, Runtime(address) as two:
        first = api.invoke()
        event = one.next()
        second = api.invoke(deadline_ms=near(2.0))
        other = two.next()
        assert two.respond(event, b"1").status == 202
        assert one.respond(other, b"2").status == 202
        assert one.next().raw == event.raw
        assert second.result().content == b"2"
        assert not first.done.is_set()
        assert one.respond(event, b"3").status == 202
        assert first.result().content == b"3"


def test_the_last_answer_of_several_where_the_runtime_leaves(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, DUPLICATE="3")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        for body in (b"1", b"2"):
            assert runtime.respond(runtime.next(), body).status == 202
    assert invoked.result().content == b"2"
    lines = [(line["event"], line.get("deliveries")) for line in logged()]
    assert lines == [("fault_injected", None), ("deliveries_cut_short", 2)]


@pytest.mark.parametrize("ending", [b"", b"Connection: close\r\n"])
def test_where_no_thread_is_to_be_had_the_answer_leaves_at_once(
    api: RuntimeApi,
    proxied: Proxied,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    ending: bytes,
) -> None:
    """It is needed as soon as something else than a poll comes on the connection, or its end."""
    address = proxied(api, DUPLICATE="2", DUPLICATE_MATCH="hit")
    with Runtime(address) as runtime, Runtime(address) as other:
        invoked, another = api.invoke(b'{"hit":1}'), api.invoke()
        event, second = runtime.next(), other.next()

        def refuse(*given: object) -> int:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(deliveries._thread, "start_new_thread", refuse)
        assert runtime.respond(event, b"1", ending).status == 202
        if not ending:
            assert not invoked.done.wait(0.1), "this thread sees to it"
            assert runtime.respond(second, b"2").status == 202
            assert another.result().content == b"2"
        assert invoked.result().content == b"1"
    (line,) = logged()
    assert (line["event"], line["message"]) == ("fault_not_applied", deliveries._NO_THREAD)


def test_without_memory_for_another_delivery_the_answer_leaves_at_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = proxied(api, DUPLICATE="2")
    monkeypatch.setattr(deliveries, "_SPARE", 1 << 62)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        assert runtime.respond(runtime.next(), b"1").status == 202
        assert invoked.result().content == b"1"
        another = api.invoke()
        assert runtime.turn(b"2") == another.request_id
    (line,) = [line for line in logged() if line.get("request_id") == invoked.request_id]
    assert (line["event"], line["message"]) == ("internal_error", "MemoryError")


def test_an_answer_that_lambda_refuses_after_the_runtime_has_left_is_told(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    """The runtime has its receipt, so nobody else can tell."""
    address = proxied(api, DUPLICATE="2")
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        del api.given[invoked.request_id]  # as after the function's timeout
        assert runtime.respond(event, b"1").status == 202
    told: list[dict[str, object]] = []
    assert soon(lambda: told.extend(logged("answer_refused")) or told)
    assert told[0]["request_id"] == invoked.request_id
    assert told[0]["status"] == 400
    api.doubled.clear()


def test_an_event_that_a_runtime_left_before_it_had_it_goes_to_another_one(
    api: RuntimeApi, proxied: Proxied, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = proxied(api, DUPLICATE="2")
    real, left = Redelivery.again, []

    def leaving(self: Redelivery, runtime: RuntimeSide, poll: Message) -> Message:
        if not left:
            left.append(runtime)
            raise BrokenPipeError(errno.EPIPE, "the runtime has left")
        return real(self, runtime, poll)

    monkeypatch.setattr(Redelivery, "again", leaving)
    invoked = api.invoke()
    with Runtime(address) as asks, Runtime(address) as tells:
        event = asks.next()
        assert tells.respond(event, b"1").status == 202
        asks.wire.send(NEXT)
        assert soon(lambda: left)
        assert not invoked.done.is_set()
        assert tells.next().raw == event.raw
        assert tells.respond(event, b"2").status == 202
        assert invoked.result().content == b"2"
    assert [line["event"] for line in logged()] == ["fault_injected"]


def test_a_wait_that_could_not_be_ended_is_ended_later(
    api: RuntimeApi, proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = proxied(api, DUPLICATE="2")
    real, failed = UpstreamSide.end_wait, []

    def lacking(side: UpstreamSide) -> bool:
        if not failed:
            failed.append(side)
            raise OSError(errno.EMFILE, "Too many open files")
        return real(side)

    monkeypatch.setattr(UpstreamSide, "end_wait", lacking)
    with Runtime(address) as asks, Runtime(address) as tells:
        invoked = api.invoke()
        event = asks.next()
        asks.wire.send(NEXT)
        assert soon(lambda: polls(api) == 2)
        assert tells.respond(event, b"1").status == 202
        assert asks.id_of(asks.wire.response()) == invoked.request_id
        assert tells.respond(event, b"2").status == 202
        assert invoked.result().content == b"2"
    assert failed


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 300_000])
def test_an_error_in_the_middle_of_a_stream_ends_the_deliveries(
    api: RuntimeApi, proxied: Proxied, logged: Logged, size: int
) -> None:
    """It comes in the trailers, after a body of any size."""
    address = proxied(api, DUPLICATE="3")
    trailers = (
        b"Lambda-Runtime-Function-Error-Type: OrderError\r\n"
        b"Lambda-Runtime-Function-Error-Body: e30=\r\n"
    )
    for number in range(2):
        invoked = api.invoke()
        with Runtime(address) as runtime:
            for _ in range(number):
                assert runtime.stream(runtime.next(), b"fine").status == 202
            said = runtime.stream(runtime.next(), b"x" * size, b"y", trailers=trailers)
            assert said.status == 202
        answer = invoked.result().answer
        assert answer
        assert answer.content == b"x" * size + b"y"
        assert answer.trailer("lambda-runtime-function-error-type") == "OrderError"
    lines = logged()
    assert [line["event"] for line in lines] == ["fault_not_applied", "fault_injected"]
    assert "reported an error" in lines[0]["message"]


# -- many at once ------------------------------------------------------------------------------


class Ahead:
    """A runtime that asks for the next event before it has answered, on several connections."""

    def __init__(self, address: Address, pollers: int, seed: int) -> None:
        self._address = address
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._idle: list[Runtime] = []
        self._workers = ThreadPoolExecutor(32)
        self.seen: dict[str, int] = {}
        self._pollers = [threading.Thread(target=self._poll) for _ in range(pollers)]
        for poller in self._pollers:
            poller.start()

    def _poll(self) -> None:
        with Runtime(self._address) as runtime:
            while (event := runtime.next()).content != b'"last"':
                with self._lock:
                    name = runtime.id_of(event)
                    count = self.seen[name] = self.seen.get(name, 0) + 1
                    pause = self._random.choice([0, 0.001, 0.02])
                self._workers.submit(self._tell, name, echo(event), count, pause)
            self._tell(runtime.id_of(event), echo(event), 1, 0)

    def _tell(self, name: str, headers: bytes, count: int, pause: float) -> None:
        time.sleep(pause)
        with self._lock:
            runtime = self._idle.pop() if self._idle else Runtime(self._address)
        assert runtime.ask(posted(name, "response", headers, b"%d" % count)).status == 202
        with self._lock:
            self._idle.append(runtime)

    def end(self, api: RuntimeApi) -> None:
        for _ in self._pollers:
            api.invoke(b'"last"')
        for poller in self._pollers:
            poller.join(10)
        self._workers.shutdown()
        for runtime in self._idle:
            runtime.wire.close()


@pytest.mark.parametrize("pollers", [1, 3])
def test_under_load_every_event_comes_as_often_as_the_log_says_and_is_answered_once(
    api: RuntimeApi, proxied: Proxied, logged: Logged, pollers: int
) -> None:
    address = proxied(
        api, DUPLICATE="3", DUPLICATE_RATE="40%", DUPLICATE_MATCH="n", SEED=str(pollers)
    )
    runtime = Ahead(address, pollers, seed=pollers)
    invoked = []
    for number in range(120):
        invoked.append(api.invoke(b'{"n":%d}' % number))
        if number % 10 == 0:
            time.sleep(0.02)
    for one in invoked:
        assert one.result(20).content == b"%d" % runtime.seen[one.request_id]
    runtime.end(api)
    hit = {line["request_id"] for line in logged("fault_injected")}
    assert 20 < len(hit) < 80
    for one in invoked:
        assert runtime.seen[one.request_id] == (3 if one.request_id in hit else 1)
