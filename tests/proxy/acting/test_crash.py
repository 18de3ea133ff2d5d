"""The runtime is killed: which of its connections tells what, and what never reaches upstream."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes.proxied import Address, Extension, Logged, Proxied, soon
from fakes.runtime import NEXT, Runtime, echo, posted, stream_head
from fakes.runtime_api import RuntimeApi
from faultlayer.acting import crash

Begin = Callable[[Address], subprocess.Popen[bytes]]
LONG = "10m"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy waits for the killed runtime's connection to end.

    The tests' own connection stays open.
    """
    monkeypatch.setattr(crash, "GRACE", 0.2)


@pytest.fixture
def process() -> Iterator[Begin]:
    """A process that was told this address, as a runtime is: the one to be killed."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(address: Address) -> subprocess.Popen[bytes]:
        env = {"AWS_LAMBDA_RUNTIME_API": f"{address[0]}:{address[1]}", "PATH": os.environ["PATH"]}
        started.append(subprocess.Popen(["sleep", "600"], env=env))
        assert soon(lambda: Path(f"/proc/{started[-1].pid}/comm").read_text() == "sleep\n")
        return started[-1]

    yield begin
    for one in started:
        one.kill()
        one.wait()


def dead(one: subprocess.Popen[bytes]) -> bool:
    return one.wait(10) == -9


def test_before_it_sees_the_event(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged
) -> None:
    address = proxied(api, CRASH="before", LATENCY="50ms", HEADERS='{"a":"b"}')
    victim = process(address)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert dead(victim)
        assert runtime.wire.sock.recv(1) == b"", "it saw nothing"
    assert not invoked.done.is_set()
    lines = [(line["fault"], line.get("when")) for line in logged()]
    assert lines == [("latency", "before"), ("crash", "before")]


def test_a_large_event_is_not_passed_on_either(
    api: RuntimeApi, proxied: Proxied, process: Begin
) -> None:
    address = proxied(api, CRASH="before")
    victim = process(address)
    api.invoke(b'"%b"' % (b"x" * 5_000_000))
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert dead(victim)
        assert runtime.wire.sock.recv(1) == b""


def test_its_answer_is_lost_where_it_is_quicker(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged
) -> None:
    address = proxied(api, CRASH="during", CRASH_AFTER=LONG)
    victim = process(address)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        assert victim.poll() is None
        runtime.wire.send(posted(runtime.id_of(event), "response", echo(event), b"1"))
        assert dead(victim)
    assert not invoked.done.is_set()
    (line,) = logged()
    assert (line["event"], line["fault"]) == ("fault_injected", "crash")
    assert line["when"] == "during"
    assert 0 < line["after_ms"] < 60_000, "when it was killed, not when it was to be"


def test_so_is_a_streamed_one_and_an_error(
    api: RuntimeApi, proxied: Proxied, process: Begin
) -> None:
    address = proxied(api, CRASH="during", CRASH_AFTER=LONG)
    for kind in ("stream", "error"):
        victim = process(address)
        invoked = api.invoke()
        with Runtime(address) as runtime:
            event = runtime.next()
            head = stream_head(runtime.id_of(event), echo(event))
            failed = posted(runtime.id_of(event), "error", echo(event), b"{}")
            runtime.wire.send(head if kind == "stream" else failed)
            assert dead(victim)
        assert not invoked.done.is_set()


def test_in_the_middle_after_a_time(api: RuntimeApi, proxied: Proxied, process: Begin) -> None:
    address = proxied(api, CRASH="during", CRASH_AFTER="300ms")
    victim = process(address)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        runtime.next()
        given = time.monotonic()
        assert dead(victim)
        assert time.monotonic() - given >= 0.2
    assert not invoked.done.is_set()


@pytest.mark.parametrize("answered", [False, True])
def test_a_poll_is_no_answer(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged, answered: bool
) -> None:
    """A runtime that asks ahead lives until the time is up, or its answer comes."""
    address = proxied(api, CRASH="during", CRASH_AFTER="700ms", CRASH_MATCH="hit")
    victim = process(address)
    with Runtime(address) as asks, Runtime(address) as tells:
        invoked = api.invoke(b'{"hit":1}')
        event = asks.next()
        given = time.monotonic()
        asks.wire.send(NEXT)
        other = api.invoke()
        assert tells.respond(asks.wire.response(), b"1").status == 202
        assert other.result().content == b"1"
        asks.wire.send(NEXT)
        assert asks.wire.silent()
        assert victim.poll() is None
        if answered:
            tells.wire.send(posted(invoked.request_id, "response", echo(event), b"1"))
        assert dead(victim)
        assert answered or time.monotonic() - given >= 0.65
    assert not invoked.done.is_set()
    assert [line["fault"] for line in logged()] == ["crash"]


def test_a_runtime_of_a_connection_each_dies_as_it_answers(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged
) -> None:
    """As curl in a shell: the event came on another connection, which is closed by now."""
    address = proxied(api, CRASH="during", CRASH_AFTER=LONG)
    victim = process(address)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
    assert victim.poll() is None
    with Runtime(address) as runtime:
        runtime.wire.send(posted(runtime.id_of(event), "response", echo(event), b"1"))
        assert dead(victim)
    assert not invoked.done.is_set()
    assert len(logged("fault_injected")) == 1


def test_and_after_the_time_though_that_connection_is_closed(
    api: RuntimeApi, proxied: Proxied, process: Begin
) -> None:
    address = proxied(api, CRASH="during", CRASH_AFTER="300ms")
    victim = process(address)
    api.invoke()
    with Runtime(address) as runtime:
        runtime.next()
    assert victim.poll() is None
    assert dead(victim)


def test_once_where_the_answer_comes_as_the_time_is_up(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged
) -> None:
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        address = proxied(api, CRASH="during", CRASH_AFTER="30ms")
        for number in range(20):
            victim = process(address)
            api.invoke()
            with Runtime(address) as asks, Runtime(address) as tells:
                event = asks.next()
                time.sleep(0.028 + number * 0.0002)
                tells.wire.send(posted(asks.id_of(event), "response", echo(event), b"1"))
                assert dead(victim)
            time.sleep(0.1)  # it looks for children once more: not for the next victim
    finally:
        sys.setswitchinterval(switch)
    lines = logged("fault_injected")
    assert len(lines) == len({line["request_id"] for line in lines}) == 20


def test_a_runtime_that_cannot_be_found_works_untouched_and_one_line_says_so(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    for moment in ("before", "during"):
        with Runtime(proxied(api, CRASH=moment, CRASH_AFTER="50ms", CRASH_MAX="1")) as runtime:
            for body in (b"1", b"2", b"3"):
                invoked = api.invoke()
                runtime.turn(body)
                assert invoked.result().content == body
    lines = logged()
    assert [line["event"] for line in lines] == ["fault_not_applied"]
    assert "no process was found" in lines[0]["message"]


def test_what_else_was_to_hit_a_killed_runtime_does_not_count(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged
) -> None:
    faults = {"HEADERS": '{"a":"b"}', "HEADERS_MAX": "1", "DUPLICATE": "2", "DUPLICATE_MAX": "1"}
    faults |= {"EVENT": '{"a":1}', "EVENT_MAX": "1", "CRASH_MAX": "1", "CRASH_AFTER": LONG}
    for moment in ("before", "during"):
        address = proxied(api, CRASH=moment, **faults)
        victim = process(address)
        api.invoke()
        with Runtime(address) as runtime:
            runtime.wire.send(NEXT)
            if moment == "during":
                event = runtime.wire.response()
                runtime.wire.send(posted(runtime.id_of(event), "response", echo(event), b"1"))
            assert dead(victim)
        assert {line["fault"] for line in logged()} == (
            {"crash"} if moment == "before" else {"crash", "event"}
        )
        after = api.invoke(b'{"b":2}')
        with Runtime(address) as runtime:
            runtime.turn(b'{"statusCode":200}')
            runtime.turn(b'{"statusCode":200}')
        assert after.result().json["headers"] == {"a": "b"}
        rest = {"headers", "duplicate"} | ({"event"} if moment == "before" else set())
        assert {line["fault"] for line in logged("fault_injected")} == rest


def test_nobody_waits_on_for_an_answer_that_was_there(api: RuntimeApi, tmp_path: Path) -> None:
    """Threads, where the runtime cannot be found and has a connection for each exchange."""
    variables = {"FAULTLAYER_CRASH": "during", "FAULTLAYER_CRASH_AFTER": LONG}
    with Extension(f"{api.address[0]}:{api.address[1]}", tmp_path, **variables) as extension:
        assert soon(extension.path.exists)
        api.wait_polls(1)
        for _ in range(10):
            invoked = api.invoke()
            with Runtime(extension.address) as runtime:
                event = runtime.next()
            with Runtime(extension.address) as runtime:
                runtime.respond(event, b"1")
            assert invoked.result().content == b"1"
        assert soon(lambda: extension.status("Threads") <= 4)
        assert [line["event"] for line in extension.log] == ["fault_not_applied"]


def test_a_dry_run_kills_nobody(
    api: RuntimeApi, proxied: Proxied, process: Begin, logged: Logged
) -> None:
    address = proxied(api, CRASH="before", DRY_RUN="true")
    victim = process(address)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        runtime.turn(b"1")
    assert invoked.result().content == b"1"
    assert victim.poll() is None
    (line,) = logged()
    assert (line["event"], line["fault"]) == ("fault_dry_run", "crash")
