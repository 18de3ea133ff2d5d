"""An injection is settled once; what did not happen is not counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from faultlayer.targeting import injection
from faultlayer.targeting.injection import Candidate, Injection, withdraw_open
from unit.targeting.aim_rules import delay, rule

SETTLE: dict[str, Callable[[Injection], None]] = {
    "happened": Injection.happened,
    "skipped": lambda one: one.skipped("no reason"),
    "failed": lambda one: one.failed(ValueError("hunter2")),
    "withdrawn": Injection.withdrawn,
}


def claimed() -> Injection:
    limited = rule("one", delay, maximum=1)
    found = Candidate(limited, delay(limited.options, None, 0.5)).claim("8476a536")
    assert found is not None
    return found


@pytest.mark.parametrize("verb", SETTLE)
def test_what_happened_is_counted_and_nothing_else(
    verb: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(injection, "_logged", set())
    one = claimed()
    assert one.is_open
    SETTLE[verb](one)
    assert not one.is_open
    assert one.rule.is_used_up == (verb == "happened")
    said = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    events = {"happened": "fault_injected", "skipped": "fault_not_applied"}
    expected = {**events, "failed": "internal_error", "withdrawn": ""}[verb]
    assert "".join(line["event"] for line in said) == expected
    assert all(line["request_id"] == "8476a536" for line in said)
    assert "hunter2" not in str(said)


@pytest.mark.parametrize("first", SETTLE)
@pytest.mark.parametrize("second", SETTLE)
def test_a_second_time_does_no_harm_and_the_tests_find_it(
    first: str,
    second: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    again: list[Injection] = []
    monkeypatch.setattr(injection, "settled_again", again.append)
    monkeypatch.setattr(injection, "_logged", set())
    one = claimed()
    SETTLE[first](one)
    remaining, _ = one.rule.is_used_up, capfd.readouterr()
    SETTLE[second](one)
    withdraw_open([one])
    assert one.rule.is_used_up == remaining
    assert not capfd.readouterr().out
    assert again == [one]


def test_what_is_open_is_withdrawn_by_one_of_many_threads() -> None:
    one = claimed()
    threads = [threading.Thread(target=withdraw_open, args=([one],)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.rule.limit is not None
    assert one.rule.limit.remaining == 1


def test_past_its_limit_nothing_is_claimed() -> None:
    one = claimed()
    assert Candidate(one.rule, one.action).claim("b") is None
    one.withdrawn()
    again = Candidate(one.rule, one.action).claim("b")
    assert again is not None
    again.withdrawn()


def test_a_reason_is_logged_once_for_each_rule_and_anew_for_new_rules(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(injection, "_logged", set())
    one, other = rule("one", delay), rule("one", delay, number=2)
    for each in (one, other, one, other):
        injection.log_not_applied(each, "no reason", "8476a536")
    assert len(capfd.readouterr().out.splitlines()) == 2
    injection.forget_reasons()
    injection.log_not_applied(one, "no reason", "8476a536")
    assert len(capfd.readouterr().out.splitlines()) == 1
