"""Which invocations are hit: rates, seeds, limits and order, judged by what comes out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer import registry
from faultlayer.actions import AFTER, BEFORE, Action, Delay, Fail, Respond, Rewrite
from faultlayer.aim import Aim, Limit, Rule, draws
from faultlayer.match import parse
from faultlayer.registry import Fault, Option, Options
from faultlayer.values import Text

Decide = Callable[[Options, Any, float], Action | None]


def event(request_id: str) -> tuple[bytes, bytes]:
    """The head of an event with this request id, and the same in lower case."""
    head = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %b\r\n\r\n" % request_id.encode()
    return head + b"{}", head.lower()


def rule(
    name: str,
    decide: Decide,
    order: int = 1,
    rate: float = 1.0,
    maximum: int | None = None,
    **more: Any,
) -> Rule:
    fault = Fault(
        f"tests.{name}", order=order, help="", main=Option("x", Text("", ""), ""), decide=decide
    )
    limit = None if maximum is None else Limit(maximum)
    return Rule(fault, Options({}), rate, limit, **more)


def delay(options: Options, invocation: Any, draw: float) -> Action:
    return Delay(draw)


def fail(when: str) -> Decide:
    return lambda options, invocation, draw: Fail("T", "m", when)


def respond(when: str) -> Decide:
    return lambda options, invocation, draw: Respond(500, {}, "", when)


def rewrite(options: Options, invocation: Any, draw: float) -> Action:
    return Rewrite(lambda answer: True, lambda stream: True)


def never(options: Options, invocation: Any, draw: float) -> None:
    return None


def hit(aim: Aim, request_id: str) -> list[str]:
    """The faults that hit this invocation, in order."""
    hits = aim.decide(*event(request_id))
    return [found.rule.fault.name for found in hits.hits] if hits else []


IDS = [f"{i:08x}-0000-4000-8000-{i * 7919:012x}" for i in range(3000)]


# -- rates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["7", None])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_the_rate_is_the_share_that_is_hit(rate: float, seed: str | None) -> None:
    aim = Aim([rule("one", delay, rate=rate)], seed)
    share = sum(bool(hit(aim, request_id)) for request_id in IDS) / len(IDS)
    assert abs(share - rate) < 0.05  # more than six standard deviations


@pytest.mark.parametrize("seed", ["7", None])
def test_a_rate_of_one_hits_always(seed: str | None) -> None:
    aim = Aim([rule("one", delay)], seed)
    assert all(hit(aim, request_id) == ["one"] for request_id in IDS[:500])


def test_without_a_seed_two_environments_differ() -> None:
    one, other = (Aim([rule("one", delay, rate=0.5)]) for _ in range(2))
    assert [hit(one, i) for i in IDS[:100]] != [hit(other, i) for i in IDS[:100]]


# -- seeds ------------------------------------------------------------------------------------


def _delays(aim: Aim, ids: list[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for request_id in ids:
        hits = aim.decide(*event(request_id))
        actions = [each.action for each in hits.hits] if hits else []
        found[request_id] = [a.seconds for a in actions if isinstance(a, Delay)]
    return found


def test_seeded_decisions_do_not_depend_on_order_or_threads() -> None:
    aim = Aim([rule("one", delay, rate=0.3), rule("two", delay, rate=0.6)], "seed")
    ids = IDS[:400]
    expected = _delays(aim, ids)
    fresh = Aim([rule("one", delay, rate=0.3), rule("two", delay, rate=0.6)], "seed")
    assert _delays(fresh, ids[::-1]) == expected
    seen: list[dict[str, list[float]]] = []
    threads = [threading.Thread(target=lambda: seen.append(_delays(aim, ids))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 8


def test_other_seeds_and_other_faults_decide_on_their_own() -> None:
    def chosen(name: str, seed: str) -> list[bool]:
        aim = Aim([rule(name, delay, rate=0.5)], seed)
        return [bool(hit(aim, request_id)) for request_id in IDS]

    one = chosen("one", "7")
    for other in (chosen("two", "7"), chosen("one", "8"), chosen("one", "77")):
        agreement = sum(a == b for a, b in zip(one, other)) / len(IDS)
        assert abs(agreement - 0.5) < 0.05


def test_a_higher_rate_hits_the_same_and_more() -> None:
    def chosen(rate: float) -> set[str]:
        aim = Aim([rule("one", delay, rate=rate)], "7")
        return {request_id for request_id in IDS if hit(aim, request_id)}

    assert chosen(0.1) < chosen(0.2) < chosen(0.7)


def test_whether_says_nothing_of_how() -> None:
    """A range is uniform among those that are hit, however few."""
    aim = Aim([rule("one", delay, rate=0.2)], "7")
    found = sorted(s for seconds in _delays(aim, IDS).values() for s in seconds)
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
    aim = Aim([rule("latency", delay, rate=0.3)], "7")
    chosen = [i for i in range(20) if hit(aim, f"request-{i}")]
    assert chosen == [1, 7, 11, 15]


def test_ranges_are_uniform() -> None:
    latency = registry.find("latency")
    assert latency is not None
    options = Options({"delay": (0.1, 0.4), "when": BEFORE})
    aim = Aim([Rule(latency, options)], "7")
    found = [seconds for each in _delays(aim, IDS).values() for seconds in each]
    assert len(found) == len(IDS)
    assert 0.1 <= min(found) < 0.101
    assert 0.399 < max(found) < 0.4
    assert abs(sum(found) / len(found) - 0.25) < 0.01


# -- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["7", None])
def test_a_limit_holds_between_threads(seed: str | None) -> None:
    aim = Aim([rule("one", delay, maximum=100)], seed)
    counts: list[int] = []

    def work() -> None:
        counts.append(sum(bool(hit(aim, request_id)) for request_id in IDS[:50]))

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 100


def test_what_did_not_come_to_pass_is_not_counted() -> None:
    limited = rule("one", rewrite, maximum=1)
    aim = Aim([limited])
    assert [hit(aim, "a"), hit(aim, "b")] == [["one"], []]
    limited.give_back()
    assert [hit(aim, "c"), hit(aim, "d")] == [["one"], []]
    unlimited = rule("one", rewrite)
    unlimited.give_back()
    assert hit(Aim([unlimited]), "a") == ["one"]


def test_a_fault_that_does_not_apply_is_not_counted() -> None:
    limited = rule("one", never, maximum=1)
    aim = Aim([limited])
    assert aim.decide(*event("a")) is None
    assert limited.claim()


def test_one_rule_s_limit_is_not_another_s() -> None:
    aim = Aim([rule("one", delay, 1, maximum=1), rule("two", delay, 2)])
    assert [hit(aim, "a"), hit(aim, "b")] == [["one", "two"], ["two"]]


# -- matches ----------------------------------------------------------------------------------


def with_event(request_id: str, content: bytes) -> tuple[bytes, bytes]:
    head, lowered = event(request_id)
    return head[: len(lowered)] + content, lowered


@pytest.mark.parametrize("seed", ["7", None])
def test_a_rule_hits_what_it_is_for(seed: str | None) -> None:
    aim = Aim([rule("one", delay, match=parse("a=1")), rule("two", delay, 2)], seed)
    for content, expected in ((b'{"a":1}', ["one", "two"]), (b'{"a":2}', ["two"]), (b"x", ["two"])):
        hits = aim.decide(*with_event("id", content))
        assert hits is not None
        assert [found.rule.fault.name for found in hits.hits] == expected


@pytest.mark.parametrize("seed", ["7", None])
def test_what_does_not_match_is_not_counted_and_not_told(
    seed: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    for dry_run in (False, True):
        limited = rule("one", delay, maximum=1, match=parse("a=1"))
        aim = Aim([limited], seed, dry_run=dry_run)
        assert aim.decide(*with_event("id", b"{}")) is None
        assert capfd.readouterr().out == ""
        assert limited.claim()


def test_a_dry_run_counts_as_the_run_would(capfd: pytest.CaptureFixture[str]) -> None:
    aim = Aim([rule("one", delay, maximum=2, match=parse("a"))], dry_run=True)
    for content in (b'{"a":1}', b"{}", b'{"a":1}', b'{"a":1}'):
        assert aim.decide(*with_event("id", content)) is None
    assert len(capfd.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("seed", ["7", None])
def test_the_event_is_read_only_where_a_rule_that_was_drawn_needs_it(seed: str | None) -> None:
    def content() -> bytes:
        raise AssertionError

    head, lowered = event("id")
    idle = [rule("one", delay, rate=0.0, match=parse("a")), rule("two", delay, 2)]
    assert Aim(idle, seed).decide(head, lowered, content) is not None
    assert Aim([idle[0]], seed).decide(head, lowered, content) is None
    shut = Aim([rule("one", delay, match=parse("a"))], seed, end=1.0)
    assert shut.decide(head, lowered, content) is None


def test_the_event_as_read_is_let_go_of() -> None:
    """It may be held for minutes, and is many times its bytes."""
    hits = Aim([rule("one", delay, match=parse("a"))]).decide(*with_event("id", b'{"a":1}'))
    assert hits is not None
    assert hits.invocation._event is not None
    reads: list[int] = []
    hits.invocation._content = lambda: reads.append(1) or b"{}"  # type: ignore[func-returns-value]
    hits.invocation.event()
    assert reads


# -- several rules of one fault ---------------------------------------------------------------


def test_two_rules_hit_their_own_events_at_their_rates_and_again() -> None:
    """Ten thousand invocations: within five deviations of the binomial, the same on a re-run."""

    def hits() -> dict[str, list[str]]:
        one = rule("one", delay, rate=0.2, match=parse({"path": {"prefix": "/a"}}))
        two = rule("one", delay, rate=0.05, match=parse("path=/b"), nth=2)
        aim, found = Aim([one, two], "7"), {"/a": [], "/b": [], "/c": []}
        for number in range(10_000):
            path = ("/a", "/b", "/c")[number % 3]
            hits = aim.decide(*with_event(f"id-{number}", b'{"path":"%b"}' % path.encode()))
            if hits is not None:
                assert [h.rule for h in hits.hits] == [one if path == "/a" else two]
                found[path].append(hits.invocation.request_id)
        return found

    first = hits()
    for path, rate in (("/a", 0.2), ("/b", 0.05)):
        count = 10_000 / 3
        assert abs(len(first[path]) - count * rate) < 5 * (count * rate * (1 - rate)) ** 0.5
    assert not first["/c"]
    assert hits() == first


def test_two_rules_of_one_fault_draw_on_their_own() -> None:
    aim = Aim([rule("one", delay, rate=0.5), rule("one", delay, rate=0.5, nth=2)], "7")
    both = [len(hit(aim, request_id)) for request_id in IDS]
    for count, share in ((0, 0.25), (1, 0.5), (2, 0.25)):
        assert abs(both.count(count) / len(IDS) - share) < 0.05


def test_the_first_rule_draws_what_it_always_drew() -> None:
    alone = Aim([rule("one", delay, rate=0.3)], "7")
    first = Aim([rule("one", delay, rate=0.3), rule("one", delay, rate=0.0, nth=2)], "7")
    assert _delays(alone, IDS[:500]) == _delays(first, IDS[:500])


def test_rules_of_one_fault_keep_the_order_they_were_given_in() -> None:
    aim = Aim([rule("one", fail(BEFORE)), rule("one", respond(BEFORE), nth=2)])
    hits = aim.decide(*event("x"))
    assert hits is not None
    assert [type(found.action) for found in hits.hits] == [Fail]


# -- the window -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["7", None])
def test_outside_the_window_nothing_is_hit_or_told_or_counted(
    seed: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    limited = rule("one", delay, maximum=2)
    aim = Aim([limited], seed, start=100.0, end=200.0)
    # The clock jumps either way, as a thaw, a restore or a correction makes it.
    for now, expected in ((99.999, []), (200.0, []), (100.0, ["one"]), (1e9, []), (199.9, ["one"])):
        monkeypatch.setattr("faultlayer.aim.time", lambda now=now: now)
        assert hit(aim, "id") == expected
    dry = Aim([rule("one", delay)], seed, dry_run=True, start=100.0)
    monkeypatch.setattr("faultlayer.aim.time", lambda: 5.0)
    assert hit(dry, "id") == []
    assert capfd.readouterr().out == ""


def test_a_window_may_have_one_side_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for now, after, before in ((99.0, [], ["one"]), (100.0, ["one"], [])):
        monkeypatch.setattr("faultlayer.aim.time", lambda now=now: now)
        assert hit(Aim([rule("one", delay)], start=100.0), "id") == after
        assert hit(Aim([rule("one", delay)], end=100.0), "id") == before


# -- order ------------------------------------------------------------------------------------


def test_faults_act_in_their_order_however_they_are_given() -> None:
    rules = [rule("c", rewrite, 3), rule("a", delay, 1), rule("b", respond(BEFORE), 2)]
    assert hit(Aim(rules), "x") == ["a", "b", "c"]
    assert hit(Aim(rules[::-1]), "x") == ["a", "b", "c"]


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
    assert hit(Aim([rule("first", first, 1), rule("second", second, 2)]), "x") == left


def test_the_outcome_that_lost_is_not_counted() -> None:
    loser = rule("second", respond(AFTER), 2, maximum=1)
    aim = Aim([rule("first", fail(BEFORE), 1, maximum=2), loser])
    assert [hit(aim, i) for i in "abcd"] == [["first"], ["first"], ["second"], []]


def test_exception_comes_before_status_and_both_before_what_changes_the_answer() -> None:
    order = [fault.name for fault in registry.all_faults()]
    known = "latency timeout event duplicate exception status corruption headers batch oversize"
    expected = [name for name in known.split() if name in order]
    assert [name for name in order if name in expected] == expected


def broken(options: Options, invocation: Any, draw: float) -> Action:
    raise ZeroDivisionError


def test_a_fault_that_breaks_hits_nothing_and_bars_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    aim = Aim([rule("one", broken, 1), rule("two", delay, 2)])
    assert hit(aim, "x") == ["two"]
    assert json.loads(capfd.readouterr().out)["event"] == "internal_error"
    assert hit(Aim([rule("one", broken)]), "x") == []


@pytest.mark.parametrize("seed", ["7", None])
def test_a_dry_run_tells_and_hits_nothing(
    seed: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    aim = Aim([rule("one", delay, 1), rule("two", respond(AFTER), 2)], seed, dry_run=True)
    assert hit(aim, "8476a536") == []
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    told = [(line["event"], line["fault"], line["request_id"]) for line in lines]
    assert told == [("fault_dry_run", "one", "8476a536"), ("fault_dry_run", "two", "8476a536")]


@pytest.mark.parametrize("seed", ["7", None])
def test_a_restored_snapshot_draws_anew_unless_seeded(seed: str | None) -> None:
    aims = [Aim([rule("one", delay, rate=0.5)], seed) for _ in range(2)]
    for aim in aims:
        aim._random = Random(1).random  # as clones of one snapshot would
        aim.renew()
    one, other = ([hit(aim, i) for i in IDS[:100]] for aim in aims)
    assert (one == other) == (seed is not None)


# -- the log ----------------------------------------------------------------------------------


def test_each_hit_is_one_line_and_says_what_it_did(capfd: pytest.CaptureFixture[str]) -> None:
    aim = Aim([rule("one", delay, 1), rule("two", respond(AFTER), 2)], "7")
    hits = aim.decide(*event("8476a536"))
    assert hits is not None
    for each in hits.hits:
        each.log("8476a536")
    hits.log_dry_run()
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
        hits = Aim([rule("one", delay)], seed).decide(head, head.lower())
        assert hits is not None
        assert hits.invocation.request_id == ""
