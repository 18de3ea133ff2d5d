"""Which of the invocations that were drawn are hit: matches, several rules, the window."""

from __future__ import annotations

import pytest

from faultlayer.events.match import parse
from faultlayer.vocabulary.actions import BEFORE, Fail
from unit.targeting.aim_rules import IDS, chooser_of, delay, delays, event, fail, hit, respond, rule

# -- matches ----------------------------------------------------------------------------------


def with_event(request_id: str, content: bytes) -> tuple[bytes, bytes]:
    head, lowered = event(request_id)
    return head[: len(lowered)] + content, lowered


@pytest.mark.parametrize("seed", ["7", None])
def test_a_rule_hits_what_it_is_for(seed: str | None) -> None:
    chooser = chooser_of([rule("one", delay, match=parse("a=1")), rule("two", delay, 2)], seed)
    for content, expected in ((b'{"a":1}', ["one", "two"]), (b'{"a":2}', ["two"]), (b"x", ["two"])):
        hits = chooser.decide(*with_event("id", content))
        assert hits is not None
        assert [found.rule.fault.name for found in hits.injections] == expected


@pytest.mark.parametrize("seed", ["7", None])
def test_what_does_not_match_is_not_counted_and_not_told(
    seed: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    for dry_run in (False, True):
        limited = rule("one", delay, maximum=1, match=parse("a=1"))
        chooser = chooser_of([limited], seed, dry_run=dry_run)
        assert chooser.decide(*with_event("id", b"{}")) is None
        assert capfd.readouterr().out == ""
        assert limited.claim()


def test_a_dry_run_counts_as_the_run_would(capfd: pytest.CaptureFixture[str]) -> None:
    chooser = chooser_of([rule("one", delay, maximum=2, match=parse("a"))], dry_run=True)
    for content in (b'{"a":1}', b"{}", b'{"a":1}', b'{"a":1}'):
        assert chooser.decide(*with_event("id", content)) is None
    assert len(capfd.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("seed", ["7", None])
def test_the_event_is_read_only_where_a_rule_that_was_drawn_needs_it(seed: str | None) -> None:
    def content() -> bytes:
        raise AssertionError

    head, lowered = event("id")
    idle = [rule("one", delay, rate=0.0, match=parse("a")), rule("two", delay, 2)]
    assert chooser_of(idle, seed).decide(head, lowered, content) is not None
    assert chooser_of([idle[0]], seed).decide(head, lowered, content) is None
    shut = chooser_of([rule("one", delay, match=parse("a"))], seed, end=1.0)
    assert shut.decide(head, lowered, content) is None


def test_the_event_as_read_is_let_go_of() -> None:
    """It may be held for minutes, and is many times its bytes."""
    hits = chooser_of([rule("one", delay, match=parse("a"))]).decide(*with_event("id", b'{"a":1}'))
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
        two = rule("one", delay, rate=0.05, match=parse("path=/b"), number=2)
        chooser, found = chooser_of([one, two], "7"), {"/a": [], "/b": [], "/c": []}
        for number in range(10_000):
            path = ("/a", "/b", "/c")[number % 3]
            hits = chooser.decide(*with_event(f"id-{number}", b'{"path":"%b"}' % path.encode()))
            if hits is not None:
                assert [h.rule for h in hits.injections] == [one if path == "/a" else two]
                found[path].append(hits.invocation.request_id)
        return found

    first = hits()
    for path, rate in (("/a", 0.2), ("/b", 0.05)):
        count = 10_000 / 3
        assert abs(len(first[path]) - count * rate) < 5 * (count * rate * (1 - rate)) ** 0.5
    assert not first["/c"]
    assert hits() == first


def test_two_rules_of_one_fault_draw_on_their_own() -> None:
    chooser = chooser_of(
        [rule("one", delay, rate=0.5), rule("one", delay, rate=0.5, number=2)], "7"
    )
    both = [len(hit(chooser, request_id)) for request_id in IDS]
    for count, share in ((0, 0.25), (1, 0.5), (2, 0.25)):
        assert abs(both.count(count) / len(IDS) - share) < 0.05


def test_the_first_rule_draws_what_it_always_drew() -> None:
    alone = chooser_of([rule("one", delay, rate=0.3)], "7")
    first = chooser_of([rule("one", delay, rate=0.3), rule("one", delay, rate=0.0, number=2)], "7")
    assert delays(alone, IDS[:500]) == delays(first, IDS[:500])


def test_rules_of_one_fault_keep_the_order_they_were_given_in() -> None:
    chooser = chooser_of([rule("one", fail(BEFORE)), rule("one", respond(BEFORE), number=2)])
    hits = chooser.decide(*event("x"))
    assert hits is not None
    assert [type(found.action) for found in hits.injections] == [Fail]


# -- the window -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", ["7", None])
def test_outside_the_window_nothing_is_hit_or_told_or_counted(
    seed: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    limited = rule("one", delay, maximum=2)
    chooser = chooser_of([limited], seed, start=100.0, end=200.0)
    # The clock jumps either way, as a thaw, a restore or a correction makes it.
    for now, expected in ((99.999, []), (200.0, []), (100.0, ["one"]), (1e9, []), (199.9, ["one"])):
        monkeypatch.setattr("faultlayer.targeting.rules.time", lambda now=now: now)
        assert hit(chooser, "id") == expected
    dry = chooser_of([rule("one", delay)], seed, dry_run=True, start=100.0)
    monkeypatch.setattr("faultlayer.targeting.rules.time", lambda: 5.0)
    assert hit(dry, "id") == []
    assert capfd.readouterr().out == ""


def test_a_window_may_have_one_side_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for now, after, before in ((99.0, [], ["one"]), (100.0, ["one"], [])):
        monkeypatch.setattr("faultlayer.targeting.rules.time", lambda now=now: now)
        assert hit(chooser_of([rule("one", delay)], start=100.0), "id") == after
        assert hit(chooser_of([rule("one", delay)], end=100.0), "id") == before
