"""Environments of one function: how many there are, which one is taken, and what if one ends."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait

import pytest
from stand_in_endpoint import Behaviour, Gate, Notes, StandIn

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import environments
from faultlayer_cli.running.emulator import NotRunning
from faultlayer_cli.running.environments import Environments


class Pool(Environments):
    """Environments of stand-ins, which the test sees."""

    def __init__(self, limit: int, behave: Behaviour = bytes) -> None:
        self.made: list[StandIn] = []
        self.notes = Notes()
        self.failing = False
        self._behave = behave
        super().__init__(self._stand_in, limit, self.notes)

    def _stand_in(self, number: int) -> StandIn:
        if self.failing:
            raise Failure("no memory for another one")
        self.made.append(StandIn(number, self._behave))
        return self.made[-1]

    def ask(self, payload: bytes = b"1") -> bytes:
        running = self.invoke(payload, {})
        assert running is not None
        return running.result(10).body


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def three(gate: Gate) -> Iterator[Pool]:
    pool = Pool(3, gate)
    pool.start()
    yield pool
    gate.open(100)
    pool.close()


def test_one_is_enough_as_long_as_requests_follow_one_another():
    pool = Pool(3)
    pool.start()
    assert [pool.ask(b"%d" % number) for number in range(50)] == [b"%d" % n for n in range(50)]
    assert len(pool.made) == 1
    pool.close()
    assert pool.made[0].closed == 1


def test_as_many_as_are_needed_and_none_beyond_the_limit(three: Pool, gate: Gate):
    running = [three.invoke(b"%d" % number, {}) for number in range(3)]
    gate.entered(3)
    assert three.invoke(b"4", {}) is None
    gate.open(3)
    assert [found and found.result(10).body for found in running] == [b"0", b"1", b"2"]
    assert sorted(place.number for place in three.made) == [1, 2, 3]


def test_the_one_used_last_is_taken(three: Pool, gate: Gate):
    first, second = three.invoke(b"1", {}), three.invoke(b"2", {})
    assert first and second
    gate.entered(2)
    gate.open(2)
    wait([first, second], 10)
    used = {place.number: len(place.given) for place in three.made}
    for _ in range(5):
        again = three.invoke(b"3", {})
        assert again
        gate.entered()
        gate.open()
        again.result(10)
    more = [len(place.given) - used[place.number] for place in three.made]
    assert sorted(more) == [0, 5]


def test_an_invocation_outlives_its_caller(gate: Gate):
    pool = Pool(1, gate)
    running = pool.invoke(b"1", {})
    gate.entered()
    assert running and not running.cancel()
    assert pool.invoke(b"2", {}) is None, "it is still under way"
    gate.open(2)
    running.result(10)
    assert pool.ask() == b"1"
    assert len(pool.made) == 1
    pool.close()


def test_an_endpoint_that_ended_while_idle_is_told_and_replaced():
    pool = Pool(1)
    pool.start()
    pool.ask()
    pool.tend()
    assert pool.notes.all == []
    pool.made[0].why = "the emulator ended by itself"
    pool.tend()
    assert pool.notes.all == [
        "environment 1: the emulator ended by itself; a new one takes its place when it is needed"
    ]
    assert pool.made[0].closed == 1
    assert pool.ask() == b"1"
    pool.made[1].why = "the emulator ended again"
    assert pool.ask() == b"1", "the caller does not notice"
    assert len(pool.notes.all) == 2
    assert [place.started for place in pool.made] == [True] * 3
    pool.close()


def test_an_endpoint_that_ends_during_an_invocation_fails_that_one_alone():
    def behave(payload: bytes) -> bytes:
        if payload == b"end":
            pool.made[-1].why = "the emulator ended by itself"
        return payload

    pool = Pool(1, behave)
    with pytest.raises(Failure, match="the emulator ended by itself"):
        pool.ask(b"end")
    assert len(pool.notes.all) == 1
    assert pool.ask() == b"1"
    assert len(pool.made) == 2
    pool.close()


def test_an_invocation_that_never_began_is_given_to_the_next_one():
    began = iter([False, True, False, False])

    def behave(payload: bytes) -> bytes:
        if not next(began):
            pool.made[-1].why = "the emulator ended by itself"
            raise NotRunning("the emulator does not listen")
        return payload

    pool = Pool(1, behave)
    assert pool.ask() == b"1"
    assert len(pool.notes.all) == 1
    with pytest.raises(Failure, match="the emulator ended by itself"):
        pool.ask()
    assert len(pool.made) == 3, "it is tried once more, and no more"
    pool.close()


def test_one_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environments, "_LAST_WORDS", 0.01)
    silent = iter([True, False])

    def behave(payload: bytes) -> bytes:
        if next(silent):
            raise Failure("the emulator gave no answer: no answer within 33 s")
        return payload

    pool = Pool(1, behave)
    with pytest.raises(Failure, match="no answer within 33 s"):
        pool.ask()
    assert pool.ask() == b"1"
    assert pool.made[0].closed == 1
    pool.close()


def test_one_that_cannot_start_fails_its_request_and_is_tried_again():
    pool = Pool(2)
    pool.failing = True
    with pytest.raises(Failure, match="no memory"):
        pool.start()
    with pytest.raises(Failure, match="no memory"):
        pool.ask()
    assert pool.notes.all == [
        "environment 2: no memory for another one; the next request tries again"
    ]
    pool.failing = False
    assert pool.ask() == b"1"
    pool.close()


def test_a_machine_that_has_no_more_of_something(monkeypatch: pytest.MonkeyPatch):
    def refuse(place: StandIn) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    pool = Pool(1)
    with monkeypatch.context() as patch:
        patch.setattr(StandIn, "start", refuse)
        with pytest.raises(Failure, match="it cannot start: Too many open files"):
            pool.ask()
    assert pool.made[0].closed == 1
    assert pool.ask() == b"1"
    pool.close()


def test_queued_events_run_in_turn(gate: Gate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environments, "_QUEUE_SIZE", 5)
    pool = Pool(1, gate)
    assert [pool.enqueue(b"%d" % number, {}) for number in range(6)] == [True] * 6
    assert not pool.enqueue(b"7", {}), "too much waits"
    assert pool.waiting == 5
    for _ in range(6):
        gate.entered()
        gate.open()
    gate.open()
    while (last := pool.invoke(b"last", {})) is None:
        time.sleep(0.001)
    last.result(10)
    assert pool.made[0].given == [b"0", b"1", b"2", b"3", b"4", b"5", b"last"]
    pool.close()


def test_closing_ends_an_environment_that_is_starting():
    entered, going_on = threading.Event(), threading.Event()

    class Slow(StandIn):
        def start(self) -> None:
            entered.set()
            going_on.wait(10)

    pool = Environments(lambda number: made.append(Slow(number, bytes)) or made[-1], 1)
    made: list[Slow] = []
    running = pool.invoke(b"1", {})
    assert running and entered.wait(10)
    closing = threading.Thread(target=pool.close)
    closing.start()
    while not pool._all[0]._closing:
        time.sleep(0.001)
    going_on.set()
    closing.join(10)
    assert isinstance(running.exception(10), Failure)
    assert made[0].closed == 1
    assert pool.invoke(b"2", {}) is None


def test_the_thread_that_started_an_emulator_outlives_it(gate: Gate):
    """Else the kernel kills the emulator, and its function prints a traceback."""
    alive: list[bool] = []

    class Owned(StandIn):
        def start(self) -> None:
            self.owner = threading.current_thread()

        def close(self) -> None:
            time.sleep(0.05)  # as long as an idle thread may take to end
            alive.append(self.owner.is_alive())

    pool = Environments(lambda number: Owned(number, gate), 3)
    running = [pool.invoke(b"1", {}) for _ in range(3)]
    gate.entered(3)
    gate.open(3)
    assert [each and each.result(10).status for each in running] == [200] * 3
    pool.close()
    assert alive == [True] * 3
