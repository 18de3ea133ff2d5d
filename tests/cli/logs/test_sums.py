"""How messages become invocations, and invocations sums."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer_cli.logs.lines import Fact, FactKind, Trouble
from faultlayer_cli.logs.sums import Sums, Tally, percentile

UNCOUNTED = (FactKind.TROUBLE, FactKind.RETRACTED)
START, REPORT, ERROR = FactKind.START, FactKind.REPORT, FactKind.ERROR


def hit(request: str, fault: str = "a", *, failed: bool = False) -> Fact:
    return Fact(FactKind.INJECTED, request, fault=fault, failed=failed)


def dry(request: str, fault: str = "a") -> Fact:
    return Fact(FactKind.DRY_RUN, request, fault=fault)


def report(request: str, duration: float | None = 1.0, *, failed: bool = False) -> Fact:
    return Fact(REPORT, request, duration, failed)


def start(request: str) -> Fact:
    return Fact(START, request)


def summed(*seen: Fact | tuple[str, Fact]) -> Sums:
    """Of what was said, all in one log stream unless another is named."""
    tally = Tally()
    for one in seen:
        stream, said = one if isinstance(one, tuple) else ("", one)
        tally.add(stream, said)
    return tally.sums()


def test_nothing_is_empty() -> None:
    sums = summed()
    assert sums.empty
    assert sums.total.share is None
    assert sums.not_hit.median_ms is None


def test_those_that_were_hit_and_those_that_were_not() -> None:
    said: list[Fact] = []
    for number in range(10):
        request = f"request-{number}"
        said.append(start(request))
        if number < 4:
            said.append(hit(request, failed=number == 0))
        if number in (4, 5):
            said.append(dry(request))
        said.append(report(request, 100.0 + number if number < 4 else number, failed=number == 9))
    sums = summed(*said)
    (group,) = sums.faults.values()
    assert (group.injections, group.dry_runs, group.invocations, group.errors) == (4, 2, 4, 1)
    assert (group.share, group.error_share) == (0.4, 0.25)
    assert (group.median_ms, group.p95_ms) == (101.5, 103.0)
    assert (sums.not_hit.invocations, sums.not_hit.errors) == (6, 1)
    assert (sums.not_hit.median_ms, sums.not_hit.p95_ms) == (6.5, 9.0)
    assert (sums.total.injections, sums.total.dry_runs, sums.total.invocations) == (4, 2, 10)
    assert sums.total.errors == 2


def test_two_faults_on_one_invocation() -> None:
    sums = summed(start("r"), hit("r", "a"), hit("r", "b"), hit("r", "b"), report("r"))
    assert [(g.invocations, g.injections) for g in sums.faults.values()] == [(1, 1), (1, 2)]
    assert (sums.total.invocations, sums.total.injections) == (1, 3)
    assert sums.not_hit.invocations == 0


def test_an_error_counts_once() -> None:
    late = Fact(ERROR, "r")
    sums = summed(start("r"), Fact(ERROR), Fact(ERROR, "r"), report("r", failed=True), late)
    assert (sums.total.invocations, sums.total.errors) == (1, 1)


def test_an_error_without_an_id_is_the_running_invocation_s() -> None:
    sums = summed(
        ("one", start("r1")),
        ("two", start("r2")),
        ("one", hit("r1")),
        ("two", Fact(ERROR)),
        ("one", report("r1")),
        ("two", report("r2")),
    )
    assert sums.faults["a"].errors == 0
    assert sums.not_hit.errors == 1


def test_an_error_before_the_first_start_of_the_period() -> None:
    assert summed(Fact(ERROR), report("r")).total.errors == 1
    assert summed(Fact(ERROR), start("r"), report("r")).total.errors == 0


def test_a_retry_under_the_same_id_is_another_invocation() -> None:
    once = [start("r"), hit("r", failed=True), report("r")]
    again = [start("r"), report("r")]
    sums = summed(*once, *once, *again)
    assert (sums.faults["a"].invocations, sums.faults["a"].errors) == (2, 2)
    assert (sums.not_hit.invocations, sums.not_hit.errors) == (1, 0)


def test_a_start_that_never_reported_is_an_invocation_too() -> None:
    sums = summed(start("r"), hit("r"), start("r"), report("r"))
    assert (sums.total.invocations, sums.faults["a"].invocations) == (2, 1)


def test_an_injection_logged_before_the_start_or_after_the_report() -> None:
    sums = summed(hit("r1"), start("r1"), report("r1"), start("r2"), report("r2"), hit("r2"))
    assert (sums.total.invocations, sums.faults["a"].invocations) == (2, 2)


def test_injections_alone_are_invocations_of_unknown_duration() -> None:
    """Where Lambda's own level for system logs silences START and REPORT."""
    sums = summed(hit("r1"), hit("r2", "b"), hit("r2", "a"))
    assert (sums.total.invocations, sums.total.injections) == (2, 3)
    assert sums.total.median_ms is None


def test_trouble_is_counted() -> None:
    wrong = Trouble("config_error", "FAULTLAYER_STATUS", "is outside 100 to 599")
    said = Fact(FactKind.TROUBLE, trouble=wrong)
    sums = summed(said, said)
    assert sums.troubles == {wrong: 2}
    assert not sums.empty
    assert sums.total.invocations == 0


@pytest.mark.parametrize(
    ("percent", "found"), [(0, 1.0), (50, 10.0), (95, 19.0), (95.1, 20.0), (100, 20.0)]
)
def test_the_nearest_rank(percent: float, found: float) -> None:
    assert percentile([float(number) for number in range(1, 21)], percent) == found


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_percentiles_are_among_the_values(values: list[float]) -> None:
    ordered = sorted(values)
    p95 = percentile(ordered, 95)
    assert p95 in ordered
    assert sum(value <= p95 for value in ordered) >= 0.95 * len(ordered)
    assert statistics.median_low(ordered) == percentile(ordered, 50)


@given(
    said=st.lists(
        st.builds(
            lambda kind, request, failed: Fact(kind, request, 1.0, failed, "a"),
            st.sampled_from([kind for kind in FactKind if kind not in UNCOUNTED]),
            st.sampled_from(["r1", "r2", "r3"]),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_whatever_the_order_the_sums_add_up(said: list[Fact]) -> None:
    sums = summed(*said)
    hit_ones = sums.faults["a"].invocations if "a" in sums.faults else 0
    assert sums.total.invocations == hit_ones + sums.not_hit.invocations
    injected = sum(seen.kind is FactKind.INJECTED for seen in said)
    assert sums.total.injections == injected
    reports = sum(seen.kind is REPORT for seen in said)
    assert sums.total.invocations >= reports
    assert sums.total.errors <= sums.total.invocations


def test_what_hits_a_start_is_of_the_invocation_that_waits_for_it() -> None:
    """In Lambda it comes before the first event, under the emulator after it."""
    before = summed(hit("", "a", failed=True), start("1"), report("1"), start("2"), report("2"))
    after = summed(start("1"), hit("", "a", failed=True), report("1"), start("2"), report("2"))
    for sums in (before, after):
        group = sums.faults["a"]
        assert (group.invocations, group.injections, group.errors) == (1, 1, 1)
        assert (sums.not_hit.invocations, sums.not_hit.errors) == (1, 0)
    other = summed(("s", hit("", "a")), ("t", start("1")), ("t", report("1")))
    alone = other.faults["a"]
    assert (alone.injections, alone.invocations) == (1, 0), "its environment's event is not there"
    assert other.not_hit.invocations == 1
    tried = summed(dry("", "a"), start("1"), report("1"))
    assert (tried.faults["a"].injections, tried.faults["a"].dry_runs) == (0, 1)


def test_an_injection_that_was_taken_back_is_none() -> None:
    taken = Fact(FactKind.RETRACTED, "1", fault="a")
    sums = summed(start("1"), hit("1"), taken, report("1"), hit("2"), taken, report("2"))
    assert sums.faults["a"].injections == 1
    assert sums.not_hit.invocations == 1


def test_the_hit_of_a_start_that_no_invocation_followed_counts() -> None:
    sums = summed(hit("", "init"), hit("", "init"), dry("", "env"))
    assert not sums.empty
    init = sums.faults["init"]
    assert (init.injections, init.invocations) == (2, 0)
    assert sums.faults["env"].dry_runs == 1
    assert (sums.total.injections, sums.total.dry_runs, sums.total.invocations) == (2, 1, 0)
