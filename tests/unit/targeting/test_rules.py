"""A rule counts its injections up to its limit, and draws by a name of its own."""

from __future__ import annotations

import threading

import pytest

from faultlayer.targeting.rules import RuleSet
from unit.targeting.aim_rules import delay, rule


def test_a_limit_is_reached_and_what_did_not_happen_is_taken_back() -> None:
    limited = rule("one", delay, maximum=2)
    assert [limited.claim() for _ in range(3)] == [True, True, False]
    assert limited.is_used_up
    limited.uncount()
    assert not limited.is_used_up
    assert limited.claim()


def test_without_a_limit_it_hits_for_ever() -> None:
    free = rule("one", delay)
    assert all(free.claim() for _ in range(100))
    free.uncount()
    assert not free.is_used_up


def test_threads_together_claim_no_more_than_there_is() -> None:
    limited = rule("one", delay, maximum=100)
    claimed: list[bool] = []
    threads = [
        threading.Thread(target=lambda: claimed.extend(limited.claim() for _ in range(50)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claimed) == 100


def test_each_rule_of_a_fault_draws_by_a_name_of_its_own() -> None:
    assert rule("one", delay).draw_name == "one"
    assert rule("one", delay, number=2).draw_name == "one#2"


@pytest.mark.parametrize(
    ("now", "is_open", "over"),
    [(99.0, False, False), (100.0, True, False), (199.0, True, False), (200.0, False, True)],
)
def test_a_window_is_open_from_its_start_on_and_before_its_end(
    monkeypatch: pytest.MonkeyPatch, now: float, is_open: bool, over: bool
) -> None:
    monkeypatch.setattr("faultlayer.targeting.rules.time", lambda: now)
    rule_set = RuleSet([rule("one", delay)], start=100.0, end=200.0)
    assert (rule_set.is_open(), rule_set.is_over(now)) == (is_open, over)
    assert RuleSet([rule("one", delay)]).is_open()
