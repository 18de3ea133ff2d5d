"""A rule counts its injections up to its limit, and draws by a name of its own."""

from __future__ import annotations

import threading

from faultlayer.targeting.rules import Limit
from unit.targeting.aim_rules import delay, rule


class Kept:
    """Stands for a count in a file, by an earlier process."""

    def __init__(self, used: int) -> None:
        self.used = used

    def save(self, used: int) -> None:
        self.used = used


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


def test_a_limit_goes_on_from_what_an_earlier_process_counted() -> None:
    kept = Kept(2)
    limit = Limit(3, kept)  # type: ignore[arg-type]
    assert [limit.claim(), limit.claim()] == [True, False]
    assert kept.used == 3
    limit.uncount()
    assert kept.used == 2
    assert Limit(3, Kept(9)).remaining == 0, "the limit is lower than it was"  # type: ignore[arg-type]


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
