"""When a plan is read anew, by clocks that stand still, jump, or run; and how often it is said."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from faultlayer.settings import live
from faultlayer.settings.live import Live
from faultlayer.settings.variables import read_environment

HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\n\r\n"


class Place:
    """A source in memory."""

    kind = "ssm"
    at_start = before_events = torn = False

    def __init__(self, *found: Any) -> None:
        self.found = list(found)
        self.count = 0

    def fetch(self) -> str:
        self.count += 1
        value = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(value, Exception):
            raise value
        return str(value)


class Clocks:
    """Both clocks, as the test sets them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monotonic = 1000.0
        self.wall = 1_800_000_000.0
        monkeypatch.setattr(live, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr(live, "time", lambda: self.wall)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def made(place: Place, **variables: str) -> Live:
    settings = read_environment({f"FAULTLAYER_{name}": text for name, text in variables.items()})
    source: Any = place
    settings.source = source
    settings.chooser = settings.chooser_for(None)
    return Live(settings, source)


def woken(found: Live) -> bool:
    """Whether the next event wakes the reader, which then has read."""
    assert found._bell.locked(), "it is not woken yet"
    found.decide(HEAD, HEAD.lower())
    if found._bell.locked():
        return False
    found._bell.acquire()
    found._refresh()
    return True


@pytest.mark.parametrize(
    ("monotonic", "wall", "due"),
    [
        (0, 0, False),
        (9.9, 9.9, False),
        (10, 10, True),
        (1e9, 0, True),  # the wall clock stands still, or is set back by just as much
        (0, 1e9, True),  # the other one does not count while the environment is frozen
        (-1, 0, True),
        (0, -1, True),
        (0, -1e9, True),
        (float("inf"), 0, True),
    ],
)
def test_a_plan_is_old_by_either_clock(
    clocks: Clocks, monotonic: float, wall: float, due: bool
) -> None:
    found = made(Place("{}"))
    assert woken(found)
    assert not woken(found)
    clocks.monotonic += monotonic
    clocks.wall += wall
    assert woken(found) == due


def test_clocks_that_stand_still_ask_once(clocks: Clocks) -> None:
    place = Place("{}")
    found = made(place)
    assert [woken(found) for _ in range(100)].count(True) == 1
    assert place.count == 1


def test_a_clock_that_jumps_to_and_fro_is_done_with_at_once(clocks: Clocks) -> None:
    found = made(Place("{}"))
    assert woken(found)
    for jump in (1e6, -2e6, 1e6):
        clocks.wall += jump
        assert [woken(found), woken(found)] == [True, False]


def test_a_file_in_the_middle_of_being_written_is_no_trouble(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Most editors and every `>` empty a file first."""
    slept: list[float] = []
    monkeypatch.setattr(live, "sleep", slept.append)
    whole = '{"faults":[{"fault":"latency","delay":"1ms"}]}'
    place = Place("{}", "", whole, whole[:20], whole, ValueError("is gone"), whole, "", "")
    place.torn = True
    found = made(place)
    for count in range(5):
        clocks.monotonic += 100
        assert woken(found)
        assert len(slept) == count
    said = [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()]
    assert said == ["plan_loaded", "plan_loaded", "plan_loaded", "plan_failed"]


def test_a_restore_makes_it_old(clocks: Clocks) -> None:
    found = made(Place("{}"))
    assert woken(found)
    found.renew()
    assert [woken(found), woken(found)] == [True, False]


def test_many_events_at_once_wake_once(clocks: Clocks) -> None:
    found = made(Place("{}"), POLL="10m")
    start = threading.Barrier(8)

    def event() -> None:
        start.wait()
        found.decide(HEAD, HEAD.lower())

    threads = [threading.Thread(target=event) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not found._bell.locked()
    found._bell.acquire()
    assert not woken(found)


def test_a_bell_that_nobody_has_heard_yet_is_enough(clocks: Clocks) -> None:
    """Where a question takes longer than a poll."""
    found = made(Place("{}"))
    for _ in range(3):
        clocks.monotonic += 100
        found.decide(HEAD, HEAD.lower())
    assert not found._bell.locked()


# -- what is said -----------------------------------------------------------------------------

RULE = '{"faults":[{"fault":"latency","delay":"1s"}]}'


def said(capfd: pytest.CaptureFixture[str], *found: Any) -> list[str]:
    """The events, with what they tell, where each of these is found in its turn."""
    from fakes.proxied import log_lines

    reader = made(Place(*found, found[-1]))
    for _ in found:
        reader._refresh()
    return [
        line["event"] + " " + str(line.get("rules", line.get("message")))
        for line in log_lines(capfd.readouterr().out)
    ]


DOWN, REFUSED = ValueError("is down"), ValueError("is refused")
NONE_YET, STAYS = "; nothing is injected", "; the last good plan stays"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((RULE, RULE, RULE), ["plan_loaded 1"]),
        (("{}", "{}"), ["plan_loaded 0"]),
        ((RULE, "{}", RULE), ["plan_loaded 1", "plan_loaded 0", "plan_loaded 1"]),
        ((RULE, '{"disabled":true}'), ["plan_loaded 1", "plan_loaded 0"]),
        ((DOWN, DOWN, DOWN), ["plan_failed is down" + NONE_YET]),
        (
            (RULE, DOWN, DOWN, RULE, DOWN),
            ["plan_loaded 1", "plan_failed is down" + STAYS, "plan_loaded 1"]
            + ["plan_failed is down" + STAYS],
        ),
        (
            (DOWN, REFUSED, DOWN, REFUSED, "{}"),
            ["plan_failed is down" + NONE_YET, "plan_failed is refused" + NONE_YET]
            + ["plan_loaded 0"],
        ),
        (
            (*map(ValueError, "abcdefghijklmnopqrstuvwxyz"),),
            [f"plan_failed {c}; nothing is injected" for c in "abcdefghijklmnop"],
        ),
    ],
    ids=str,
)
def test_changes_are_said_once(
    capfd: pytest.CaptureFixture[str], found: tuple[Any, ...], expected: list[str]
) -> None:
    assert said(capfd, *found) == expected


def test_what_breaks_unexpectedly_is_a_trouble_like_others(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(MemoryError("hunter2"), MemoryError("hunter2"), RULE)
    found = made(place)
    reader = threading.Thread(target=found.run, daemon=True)
    reader.start()
    for _ in range(300):
        found.renew()
        found.decide(HEAD, HEAD.lower())
        if place.count > 3:
            break
        reader.join(0.01)
    assert found._chooser is not None
    out = capfd.readouterr().out
    assert out.count("plan_failed") == 1
    assert "cannot be read: MemoryError" in out
    assert "hunter2" not in out


def test_a_thread_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Said once; the event that finds the plan old is judged all the same."""
    begun: list[object] = []
    left = [RuntimeError("can't start new thread"), MemoryError()]

    def start(run: object, given: object) -> None:
        if left:
            raise left.pop(0)
        begun.append(run)

    monkeypatch.setattr(live, "start_new_thread", start)
    found = made(Place("{}"))
    found.start()
    assert found.decide(HEAD, HEAD.lower()) is None
    assert not begun
    found.renew()
    found.decide(HEAD, HEAD.lower())
    found.renew()
    found.decide(HEAD, HEAD.lower())
    assert len(begun) == 1
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["message"] == (
        "cannot be read: no thread can be started; nothing is injected"
    )


def test_a_plan_switches_observing_on_and_off(clocks: Clocks) -> None:
    found = made(Place('{"observe":"hosts"}', '{"faults":[]}', '{"faults":[],"observe":["hosts"]}'))
    assert not found.observes("hosts"), "no plan is known yet"
    seen = []
    for _ in range(3):
        assert woken(found)
        seen.append(found.observes("hosts"))
        clocks.monotonic += 20
        clocks.wall += 20
    assert seen == [True, False, True]
