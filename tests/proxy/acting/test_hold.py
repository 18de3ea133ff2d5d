"""What is held for invocations, one by one, among others at once, and through a freeze."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.boxed import SIZE, Boxed
from fakes.proxied import soon, stop
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi

HOT = b'{"hit":1}'
Box = Callable[..., Boxed]


@pytest.fixture
def box(api: RuntimeApi, tmp_path: Path) -> Iterator[Box]:
    """The extension with these faults; events with `hit` are hit."""
    with ExitStack() as stack:

        def begin(**faults: str) -> Boxed:
            named = {f"FAULTLAYER_{name}": text for name, text in faults.items()}
            boxed = Boxed(api.host, tmp_path / "log", FAULTLAYER_MATCH="hit", **named)
            return stack.enter_context(boxed)

        yield begin


def near(seconds: float) -> int:
    return int((time.time() + seconds) * 1000)


def test_what_is_held_is_there_with_the_event_and_gone_with_the_answer(
    api: RuntimeApi, box: Box
) -> None:
    boxed = box(DISK="20MB", MEMORY="20MB", CPU="2")
    with Runtime(boxed.address) as runtime:
        for _ in range(3):
            invoked = api.invoke(HOT)
            event = runtime.next()
            assert (len(boxed.burdens()), boxed.used()) == (3, 20)
            runtime.respond(event, b"1")
            assert (len(boxed.burdens()), boxed.used()) == (0, 0), "before the runtime goes on"
            assert invoked.result().content == b"1"
            api.invoke()
            runtime.respond(runtime.next(), b"2")
    assert boxed.injected() == ["disk", "memory", "cpu"] * 3


def test_an_error_of_the_function_s_own_ends_it_too(api: RuntimeApi, box: Box) -> None:
    boxed = box(DISK="20MB", CPU="1")
    api.invoke(HOT)
    with Runtime(boxed.address) as runtime:
        event = runtime.next()
        assert (len(boxed.burdens()), boxed.used()) == (1, 20)
        runtime.fail(event)
        assert (len(boxed.burdens()), boxed.used()) == (0, 0)


def test_several_at_once_hold_theirs_each_and_are_released_one_by_one(
    api: RuntimeApi, box: Box
) -> None:
    boxed = box(DISK="5MB", MEMORY="10MB", CPU="1")
    with ExitStack() as stack:
        runtimes = [stack.enter_context(Runtime(boxed.address)) for _ in range(4)]
        events = []
        for number, runtime in enumerate(runtimes, 1):
            api.invoke(HOT)
            events.append(runtime.next())
            assert (len(boxed.burdens()), boxed.used()) == (2 * number, 5 * number)
        for number, (runtime, event) in enumerate(zip(runtimes, events, strict=True), 1):
            runtime.respond(event, b"1")
            left = len(runtimes) - number
            assert (len(boxed.burdens()), boxed.used()) == (2 * left, 5 * left)


def test_at_once_each_is_left_so_much_however_the_others_end(api: RuntimeApi, box: Box) -> None:
    boxed = box(DISK="free:10MB")
    with ExitStack() as stack:
        runtimes = [stack.enter_context(Runtime(boxed.address)) for _ in range(3)]
        events = []
        for runtime in runtimes:
            api.invoke(HOT)
            events.append(runtime.next())
            assert SIZE - boxed.used() in (10, 11), "the address file takes a little"
        for runtime, event in zip(runtimes, events, strict=True):
            assert SIZE - boxed.used() in (10, 11)
            runtime.respond(event, b"1")
        assert boxed.used() == 0
    assert boxed.injected() == ["disk"] * 3


def test_an_answer_on_another_connection_ends_it(api: RuntimeApi, box: Box) -> None:
    boxed = box(DISK="20MB", CPU="1")
    api.invoke(HOT)
    with Runtime(boxed.address) as runtime:
        event = runtime.next()
    assert (len(boxed.burdens()), boxed.used()) == (1, 20)
    with Runtime(boxed.address) as other:
        other.respond(event, b"1")
        assert (len(boxed.burdens()), boxed.used()) == (0, 0)


def test_a_worker_that_never_answers_keeps_it_until_the_first_poll_after_its_deadline(
    api: RuntimeApi, box: Box
) -> None:
    boxed = box(DISK="20MB", MEMORY="10MB")
    with Runtime(boxed.address) as silent, Runtime(boxed.address) as worker:
        api.invoke(HOT, deadline_ms=near(6))
        silent.next()
        api.invoke()
        worker.respond(worker.next(), b"2")
        assert (len(boxed.burdens()), boxed.used()) == (1, 20), "nobody else's poll ends it"
        time.sleep(6)
        api.invoke()
        worker.respond(worker.next(), b"3")
        assert (len(boxed.burdens()), boxed.used()) == (0, 0)


def test_frozen_past_the_deadline_all_is_released_after_the_thaw(api: RuntimeApi, box: Box) -> None:
    """Lambda stops every process between invocations, and goes on with them whenever it likes."""
    boxed = box(DISK="20MB", MEMORY="10MB", CPU="1")
    with Runtime(boxed.address) as runtime:
        api.invoke(HOT, deadline_ms=near(3))
        runtime.next()
        frozen = boxed.everything()
        assert len(frozen) == 3
        for pid in frozen:
            stop(pid)
        time.sleep(3.5)
        assert len(boxed.burdens()) == 2
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        assert soon(lambda: not boxed.burdens()), "by themselves, with nobody polling"
        assert boxed.used() == 20
        api.invoke()
        runtime.respond(runtime.next(), b"1")
        assert boxed.used() == 0
        api.invoke(HOT)
        event = runtime.next()
        assert (len(boxed.burdens()), boxed.used()) == (2, 20), "and it works again"
        runtime.respond(event, b"1")


def test_an_event_that_is_given_again_keeps_it_until_its_last_answer(
    api: RuntimeApi, box: Box
) -> None:
    boxed = box(DISK="20MB", CPU="1", DUPLICATE="3")
    invoked = api.invoke(HOT)
    with Runtime(boxed.address) as runtime:
        for number in range(3):
            event = runtime.next()
            assert (len(boxed.burdens()), boxed.used()) == (1, 20)
            runtime.respond(event, b"%d" % number)
        assert invoked.result().content == b"2"
        assert (len(boxed.burdens()), boxed.used()) == (0, 0)
    assert sorted(boxed.injected()) == ["cpu", "disk", "duplicate"]


@pytest.mark.parametrize(
    "instead", [{"STATUS": "503"}, {"EXCEPTION": "Oops: no"}], ids=["answered", "failed"]
)
def test_nothing_is_held_where_the_function_does_not_run(
    api: RuntimeApi, box: Box, instead: dict[str, str]
) -> None:
    boxed = box(DISK="20MB", CPU="1", DISK_MAX="1", **instead)
    first, second = api.invoke(HOT), api.invoke()
    with Runtime(boxed.address) as runtime:
        event = runtime.next()
        assert runtime.id_of(event) == second.request_id
        assert (len(boxed.burdens()), boxed.used()) == (0, 0)
        first.result()
        runtime.respond(event, b"1")
    assert len(boxed.injected()) == 1


def test_what_cannot_be_had_is_said_once_and_the_function_runs(api: RuntimeApi, box: Box) -> None:
    boxed = box(DISK="free:1GB", MEMORY="free:32GB", DISK_MAX="1", CPU="1")
    with Runtime(boxed.address) as runtime:
        for _ in range(3):
            invoked = api.invoke(HOT)
            runtime.respond(runtime.next(), b"1")
            assert invoked.result().content == b"1"
    refused = [line["fault"] for line in boxed.log if line["event"] == "fault_not_applied"]
    assert sorted(refused) == ["disk", "memory"]
    assert boxed.injected() == ["cpu"] * 3


def test_what_cannot_be_had_does_not_count(api: RuntimeApi, box: Box) -> None:
    """It hits once there is more free than is to be left."""
    boxed = box(DISK="free:30MB", DISK_MAX="1")
    blocking = boxed.tmp / "other"
    blocking.write_bytes(b"x" * (40 << 20))
    with Runtime(boxed.address) as runtime:
        for number in range(3):
            if number == 1:
                blocking.unlink()
            api.invoke(HOT)
            event = runtime.next()
            held = [0, SIZE - 30, 0][number]
            assert held - 1 <= boxed.used() - (40 if number == 0 else 0) <= held + 1
            runtime.respond(event, b"1")
    assert boxed.injected() == ["disk"]


def test_a_runtime_that_leaves_while_it_is_being_taken_ends_nobody(
    api: RuntimeApi, box: Box
) -> None:
    boxed = box(DISK="20MB", MEMORY="40MB")
    for _ in range(3):
        api.invoke(HOT, deadline_ms=near(2))
        with Runtime(boxed.address) as runtime:
            runtime.wire.send(NEXT)
            time.sleep(0.02)
    time.sleep(2.5)
    api.invoke()
    with Runtime(boxed.address) as runtime:
        runtime.respond(runtime.next(), b"1")
        assert soon(lambda: (len(boxed.burdens()), boxed.used()) == (0, 0))
    assert not [line for line in boxed.log if line["event"] == "internal_error"]
