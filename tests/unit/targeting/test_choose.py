"""Which invocations are hit: rates, seeds, limits and order, judged by what comes out."""

from __future__ import annotations

import json
import threading
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.faults import all_faults, find_fault
from faultlayer.targeting.choose import draws
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action
from faultlayer.vocabulary.registry import Options
from unit.targeting.aim_rules import (
    IDS,
    Decide,
    chooser_of,
    delay,
    delays,
    event,
    fail,
    hit,
    never,
    respond,
    rewrite,
    rule,
)

# -- rates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["7", None])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_the_rate_is_the_share_that_is_hit(rate: float, seed: str | None) -> None:
    chooser = chooser_of([rule("one", delay, rate=rate)], seed)
    share = sum(bool(hit(chooser, request_id)) for request_id in IDS) / len(IDS)
    assert abs(share - rate) < 0.05  # more than six standard deviations


@pytest.mark.parametrize("seed", ["7", None])
def test_a_rate_of_one_hits_always(seed: str | None) -> None:
    chooser = chooser_of([rule("one", delay)], seed)
    assert all(hit(chooser, request_id) == ["one"] for request_id in IDS[:500])


def test_without_a_seed_two_environments_differ() -> None:
    one, other = (chooser_of([rule("one", delay, rate=0.5)]) for _ in range(2))
    assert [hit(one, i) for i in IDS[:100]] != [hit(other, i) for i in IDS[:100]]


# -- seeds ------------------------------------------------------------------------------------


def test_seeded_decisions_do_not_depend_on_order_or_threads() -> None:
    chooser = chooser_of([rule("one", delay, rate=0.3), rule("two", delay, rate=0.6)], "seed")
    ids = IDS[:400]
    expected = delays(chooser, ids)
    fresh = chooser_of([rule("one", delay, rate=0.3), rule("two", delay, rate=0.6)], "seed")
    assert delays(fresh, ids[::-1]) == expected
    seen: list[dict[str, list[float]]] = []
    threads = [threading.Thread(target=lambda: seen.append(delays(chooser, ids))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 8


def test_other_seeds_and_other_faults_decide_on_their_own() -> None:
    def chosen(name: str, seed: str) -> list[bool]:
        chooser = chooser_of([rule(name, delay, rate=0.5)], seed)
        return [bool(hit(chooser, request_id)) for request_id in IDS]

    one = chosen("one", "7")
    for other in (chosen("two", "7"), chosen("one", "8"), chosen("one", "77")):
        agreement = sum(a == b for a, b in zip(one, other)) / len(IDS)
        assert abs(agreement - 0.5) < 0.05


def test_a_higher_rate_hits_the_same_and_more() -> None:
    def chosen(rate: float) -> set[str]:
        chooser = chooser_of([rule("one", delay, rate=rate)], "7")
        return {request_id for request_id in IDS if hit(chooser, request_id)}

    assert chosen(0.1) < chosen(0.2) < chosen(0.7)


def test_whether_says_nothing_of_how() -> None:
    """A range is uniform among those that are hit, however few."""
    chooser = chooser_of([rule("one", delay, rate=0.2)], "7")
    found = sorted(s for seconds in delays(chooser, IDS).values() for s in seconds)
    assert len(found) > 500
    for tenth in range(1, 10):
        share = sum(seconds < tenth / 10 for seconds in found) / len(found)
        assert abs(share - tenth / 10) < 0.08


@given(st.binary(max_size=20), st.text("abc:", max_size=5), st.binary(max_size=20))
def test_draws_are_below_one_and_repeat(seed: bytes, fault: str, request_id: bytes) -> None:
    drawn = draws(sha256, seed, fault, request_id)
    assert all(0 <= number < 1 for number in drawn)
    assert draws(sha256, seed, fault, request_id) == drawn


def test_the_highest_digest_is_below_one() -> None:
    class Highest:
        def __init__(self, data: bytes) -> None: ...

        def digest(self) -> bytes:
            return b"\xff" * 32

    assert max(draws(Highest, b"7", "one", b"id")) < 1, "or a rate of 1 would miss"


def test_decisions_stay_the_same_between_versions() -> None:
    """Users note seeds in their experiment's record: what a seed means must not change."""
    chooser = chooser_of([rule("latency", delay, rate=0.3)], "7")
    chosen = [i for i in range(20) if hit(chooser, f"request-{i}")]
    assert chosen == [1, 7, 11, 15]


def test_ranges_are_uniform() -> None:
    latency = find_fault("latency")
    assert latency is not None
    options = Options({"delay": (0.1, 0.4), "when": BEFORE})
    chooser = chooser_of([Rule(latency, options)], "7")
    found = [seconds for each in delays(chooser, IDS).values() for seconds in each]
    assert len(found) == len(IDS)
    assert 0.1 <= min(found) < 0.101
    assert 0.399 < max(found) < 0.4
    assert abs(sum(found) / len(found) - 0.25) < 0.01


# -- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["7", None])
def test_a_limit_holds_between_threads(seed: str | None) -> None:
    chooser = chooser_of([rule("one", delay, maximum=100)], seed)
    counts: list[int] = []

    def work() -> None:
        counts.append(sum(bool(hit(chooser, request_id)) for request_id in IDS[:50]))

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 100


def test_what_did_not_come_to_pass_is_not_counted() -> None:
    limited = rule("one", rewrite, maximum=1)
    chooser = chooser_of([limited])
    assert [hit(chooser, "a"), hit(chooser, "b")] == [["one"], []]
    limited.uncount()
    assert [hit(chooser, "c"), hit(chooser, "d")] == [["one"], []]
    unlimited = rule("one", rewrite)
    unlimited.uncount()
    assert hit(chooser_of([unlimited]), "a") == ["one"]


def test_a_fault_that_does_not_apply_is_not_counted() -> None:
    limited = rule("one", never, maximum=1)
    chooser = chooser_of([limited])
    assert chooser.decide(*event("a")) is None
    assert limited.claim()


def test_one_rule_s_limit_is_not_another_s() -> None:
    chooser = chooser_of([rule("one", delay, 1, maximum=1), rule("two", delay, 2)])
    assert [hit(chooser, "a"), hit(chooser, "b")] == [["one", "two"], ["two"]]


# -- order ------------------------------------------------------------------------------------


def test_faults_act_in_their_order_however_they_are_given() -> None:
    rules = [rule("c", rewrite, 3), rule("a", delay, 1), rule("b", respond(BEFORE), 2)]
    assert hit(chooser_of(rules), "x") == ["a", "b", "c"]
    assert hit(chooser_of(rules[::-1]), "x") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (fail(BEFORE), respond(BEFORE), ["first"]),
        (fail(AFTER), respond(AFTER), ["first"]),
        (fail(BEFORE), respond(AFTER), ["first"]),
        (fail(AFTER), respond(BEFORE), ["second"]),
    ],
)
def test_one_outcome_alone_the_earlier_side_first(
    first: Decide, second: Decide, left: list[str]
) -> None:
    assert hit(chooser_of([rule("first", first, 1), rule("second", second, 2)]), "x") == left


def test_the_outcome_that_lost_is_not_counted() -> None:
    loser = rule("second", respond(AFTER), 2, maximum=1)
    chooser = chooser_of([rule("first", fail(BEFORE), 1, maximum=2), loser])
    assert [hit(chooser, i) for i in "abcd"] == [["first"], ["first"], ["second"], []]


def test_exception_comes_before_status_and_both_before_what_changes_the_answer() -> None:
    order = [fault.name for fault in all_faults()]
    known = "latency timeout event duplicate exception status corruption headers batch oversize"
    expected = [name for name in known.split() if name in order]
    assert [name for name in order if name in expected] == expected


def broken(options: Options, invocation: Any, draw: float) -> Action:
    raise ZeroDivisionError


def test_a_fault_that_breaks_hits_nothing_and_bars_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    chooser = chooser_of([rule("one", broken, 1), rule("two", delay, 2)])
    assert hit(chooser, "x") == ["two"]
    assert json.loads(capfd.readouterr().out)["event"] == "internal_error"
    assert hit(chooser_of([rule("one", broken)]), "x") == []


@pytest.mark.parametrize("seed", ["7", None])
def test_a_dry_run_tells_and_hits_nothing(
    seed: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    chooser = chooser_of(
        [rule("one", delay, 1), rule("two", respond(AFTER), 2)], seed, dry_run=True
    )
    assert hit(chooser, "8476a536") == []
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    told = [(line["event"], line["fault"], line["request_id"]) for line in lines]
    assert told == [("fault_dry_run", "one", "8476a536"), ("fault_dry_run", "two", "8476a536")]


@pytest.mark.parametrize("seed", ["7", None])
def test_a_restored_snapshot_draws_anew_unless_seeded(seed: str | None) -> None:
    choosers = [chooser_of([rule("one", delay, rate=0.5)], seed) for _ in range(2)]
    for chooser in choosers:
        chooser._random = Random(1).random  # as clones of one snapshot would
        chooser.renew()
    one, other = ([hit(chooser, i) for i in IDS[:100]] for chooser in choosers)
    assert (one == other) == (seed is not None)


# -- the log ----------------------------------------------------------------------------------


def test_each_hit_is_one_line_and_says_what_it_did(capfd: pytest.CaptureFixture[str]) -> None:
    chooser = chooser_of([rule("one", delay, 1), rule("two", respond(AFTER), 2)], "7")
    hits = chooser.decide(*event("8476a536"))
    assert hits is not None
    for each in hits.injections:
        each.happened()
    dry = chooser_of([rule("one", delay, 1), rule("two", respond(AFTER), 2)], "7", dry_run=True)
    assert dry.decide(*event("8476a536")) is None
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["event"], line["fault"]) for line in lines] == [
        ("fault_injected", "one"),
        ("fault_injected", "two"),
        ("fault_dry_run", "one"),
        ("fault_dry_run", "two"),
    ]
    assert {line["request_id"] for line in lines} == {"8476a536"}
    assert lines[0]["delay_ms"] == lines[2]["delay_ms"] > 0
    assert lines[1]["status"] == 500


def test_an_event_without_an_id_is_decided_too() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    for seed in ("7", None):
        hits = chooser_of([rule("one", delay)], seed).decide(head, head.lower())
        assert hits is not None
        assert hits.invocation.request_id == ""
