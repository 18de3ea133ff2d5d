"""What invocations hold: given back once, whatever ends them; what fails does not count."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.holding import ADDRESS, hits, limit, sandbox
from faultlayer.acting import hold as sandboxes
from faultlayer.acting.hold import Sandbox, release_overdue
from faultlayer.environment.holdings import Shares
from faultlayer.targeting import injection
from faultlayer.targeting.injection import Injection
from faultlayer.values.kinds import LONGEST
from faultlayer.vocabulary.actions import Hold

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lines:
    monkeypatch.setattr(injection, "_logged", set())
    return lambda: [json.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def things_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thing holds itself, in the place of what `environment` has."""
    monkeypatch.setattr(sandboxes, "holder_of", lambda request: request.take)


class Thing:
    """Something to hold, which counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.held = 0
        self._error = error

    def take(self, request: Any, holder: Sandbox) -> tuple[Callable[[], None], dict[str, Any]]:
        if self._error is not None:
            raise self._error
        self.held += 1
        return self.give, {"held": 7}

    def give(self) -> None:
        self.held -= 1

    def hit(self) -> Injection:
        """Of a rule that may hit five times."""
        (injection,) = hits(disk="1MB", disk_max="5")
        injection.action = Hold(self)  # type: ignore[arg-type]
        return injection


def test_what_is_taken_is_said_with_its_numbers_and_given_back_once(lines: Lines) -> None:
    things = [Thing(), Thing()]
    box = sandbox()
    box.take([thing.hit() for thing in things])
    assert [thing.held for thing in things] == [1, 1]
    for _ in range(3):
        box.release()
    assert [thing.held for thing in things] == [0, 0]
    said = [(line["event"], line["request_id"], line["held"]) for line in lines()]
    assert said == [("fault_injected", "r1", 7)] * 2
    assert not sandboxes._held


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.EROFS, "x"), "Read-only file system"),
        (ValueError("no more than that is free"), "no more than that is free"),
    ],
)
def test_what_cannot_be_taken_is_said_once_does_not_count_and_spares_the_others(
    error: Exception, why: str, lines: Lines
) -> None:
    other = Thing()
    for _ in range(3):
        refused = Thing(error).hit()
        box = sandbox()
        box.take([refused, other.hit()])
        assert limit(refused.rule) == 5, "given back"
        assert other.held == 1
        box.release()
    said = lines()
    assert [line["event"] for line in said].count("fault_injected") == 3
    (line,) = [line for line in said if line["event"] == "fault_not_applied"]
    assert (line["fault"], line["level"], line["message"]) == ("disk", "warn", why)


def test_a_bug_in_taking_or_giving_back_is_one_line_and_spares_the_others(lines: Lines) -> None:
    class Broken(Thing):
        def give(self) -> None:
            raise RuntimeError("hunter2")

    things = [Thing(), Broken(), Thing()]
    box = sandbox()
    box.take([Thing(KeyError("hunter2")).hit(), *(thing.hit() for thing in things)])
    box.release()
    assert [thing.held for thing in things] == [0, 1, 0]
    said = [line for line in lines() if line["event"] == "internal_error"]
    assert [line["message"] for line in said] == ["KeyError", "RuntimeError"]
    assert {(line["fault"], line["request_id"]) for line in said} == {("disk", "r1")}


def test_what_is_overdue_is_given_back_and_nothing_else() -> None:
    early, late = Thing(), Thing()
    first, second = sandbox(0.0), sandbox(60)
    with_deadline_past = [first.take, second.take]
    for take, thing in zip(with_deadline_past, (early, late), strict=True):
        take([thing.hit()])
    release_overdue()
    assert (early.held, late.held) == (0, 1)
    second.release()
    first.release()
    assert (early.held, late.held) == (0, 0)


def test_another_invocation_gives_back_what_is_overdue() -> None:
    forgotten, thing = Thing(), Thing()
    sandbox(-1).take([forgotten.hit()])
    box = sandbox()
    box.take([thing.hit()])
    assert (forgotten.held, thing.held) == (0, 1)
    box.release()


def test_what_is_overdue_before_all_is_taken_is_not_kept() -> None:
    slow = Thing()
    box = sandbox(-1)

    taken = slow.take

    def take(request: Any, holder: Sandbox) -> tuple[Callable[[], None], dict[str, Any]]:
        threading.Thread(target=release_overdue).start()
        while not box._over:
            pass
        return taken(request, holder)

    slow.take = take  # type: ignore[method-assign]
    box.take([slow.hit()])
    assert slow.held == 0


def test_without_a_deadline_as_old_emulators_send_it_the_longest_time_holds() -> None:
    bare, near = Sandbox(ADDRESS, None), sandbox(1)
    assert bare.until - near.until == pytest.approx(LONGEST - 1, abs=1)
    assert Sandbox(ADDRESS, 1e18).until - near.until == pytest.approx(LONGEST - 1, abs=1)


# -- shares -----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40))
def test_a_thing_is_given_back_once_when_the_last_that_needs_it_has_left(
    steps: list[tuple[bool, int]],
) -> None:
    """Each step is an invocation that joins or only adds, or the leaving of one of them."""
    given_back: list[int] = []
    shares = Shares(given_back.append)
    there: list[list[int]] = []
    for number, (joins, which) in enumerate(steps):
        if which < 3 or not there:
            mine = shares.join()[0] if joins else []
            if joins:
                assert set(mine) == {thing for needs in there for thing in needs}
            shares.add(number, 10)
            there.append([*mine, number])
        else:
            shares.leave(there.pop(which % len(there)))
        needed = {thing for needs in there for thing in needs}
        assert not needed & set(given_back)
        everything, held = shares.join()
        assert (set(everything), held) == (needed, 10 * len(needed))
        shares.leave(everything)
    for needs in there:
        shares.leave(needs)
    assert len(set(given_back)) == len(given_back)
    assert shares.join() == ([], 0)
