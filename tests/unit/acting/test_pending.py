"""An invocation in the function's hands: whatever is open at its end is withdrawn."""

from __future__ import annotations

import time
from typing import Any

import pytest

from faultlayer.acting import pending as room
from faultlayer.acting.pending import Pending
from faultlayer.targeting.injection import Candidate, Chosen, Injection
from faultlayer.vocabulary.actions import AFTER, Crash, Delay, Repeat
from faultlayer.vocabulary.invocation import Invocation
from unit.targeting.aim_rules import delay, rule

HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r1\r\n%b\r\n"


class Held:
    """Stands for a sandbox."""

    def __init__(self) -> None:
        self.released = 0

    def release(self) -> None:
        self.released += 1


def claimed(action: Any) -> Injection:
    found = Candidate(rule("one", delay, maximum=1), action).claim("r1")
    assert found is not None
    return found


def waiting(*injections: Injection, seconds: float | None = 60) -> Pending:
    ends = b""
    if seconds is not None:
        ends = b"Lambda-Runtime-Deadline-Ms: %d\r\n" % int((time.time() + seconds) * 1000)
    head = HEAD % ends
    return Pending(Chosen(Invocation(head, head.lower()), list(injections)))


def test_it_ends_with_nothing_open_and_nothing_held() -> None:
    done, still, fatal = claimed(Delay(1)), claimed(Delay(1, AFTER)), claimed(Crash(AFTER, 1))
    one = waiting(done, still)
    one.fatal.append(fatal)
    one.sandbox = held = Held()  # type: ignore[assignment]
    done.happened()
    assert one.open(Delay) == [still]
    assert one.acts_meanwhile()
    one.end()
    assert not (still.is_open or fatal.is_open or one.open(Delay))
    assert done.rule.is_used_up
    assert not (still.rule.is_used_up or fatal.rule.is_used_up)
    assert held.released == 1


def test_it_awaits_a_result_as_long_as_something_is_due() -> None:
    still = claimed(Repeat(2))
    one = waiting(still)
    assert one.awaits_result()
    still.withdrawn()
    assert not one.awaits_result()
    assert not one.acts_meanwhile()
    one.sandbox = Held()  # type: ignore[assignment]
    assert one.awaits_result()


def test_it_is_overdue_some_time_after_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not waiting(seconds=-1).is_overdue(), "its result may be on its way"
    assert waiting(seconds=-room.GRACE - 1).is_overdue()
    assert not waiting(seconds=None).is_overdue()
