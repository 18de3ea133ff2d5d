"""The arithmetic behind the tables."""

import pytest

from bench.invocations import Taken, latencies, rates, streams
from bench.sandbox import summary
from bench.stats import Spread, paired, paired_ratio, percentile, ratio
from bench.tools import Round


def test_a_percentile_is_a_measured_value() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 0.999) == 100
    assert percentile(values, 1) == 100
    assert percentile([7.0], 0.001) == 7


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0), ([1.0], 1.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError):
        percentile(values, share)


def test_spread() -> None:
    assert Spread.of([3, 1, 2]) == Spread(2, 1, 3)
    with pytest.raises(ValueError):
        Spread.of([])


def test_a_ratio_needs_a_yardstick_that_was_measured() -> None:
    assert ratio(3, 2) == 1.5
    assert ratio(3, 0) is None
    assert ratio(3, -1) is None
    assert ratio(None, 1) is None
    assert ratio(1, None) is None


def test_pairs_cancel_a_slow_spell() -> None:
    assert paired([15, 105], [10, 100]) == [5, 5]
    with pytest.raises(ValueError):
        paired([1], [1, 2])


def test_a_change_of_pace_half_way_leaves_the_ratio_alone() -> None:
    assert paired_ratio([12, 12, 24, 24], [10, 10, 20, 20]) == 1.2
    assert paired_ratio([12, 1], [10, 0]) == 1.2
    assert paired_ratio([1], [-1]) is None


def taken(*p50s: float, per_s: float = 100, cpu_s: float = 0) -> Taken:
    rounds = [
        Round(2, p50, p50 * 2, per_s, per_s * 3, 1, 2, p50 * 5, [p50, p50 * 2]) for p50 in p50s
    ]
    return Taken(rounds, cpu_s, 2 * len(rounds))


def test_added_time_is_over_direct_and_ratios_are_of_added_times() -> None:
    found = latencies(
        {
            "direct": taken(10, 20),
            "C forwarder": taken(30, 40),
            "socat": taken(35, 45),
            "faultlayer": taken(34, 44, cpu_s=40e-6),
        }
    )
    ours = found["faultlayer"]
    assert ours.added == Spread(24, 24, 24)
    assert ours.to_forwarder == pytest.approx(1.2)
    assert ours.to_socat == pytest.approx(0.96)
    assert ours.added_p99 == Spread(48, 48, 48)
    assert ours.added_p999 == 88 - 40
    assert ours.p99_to_socat == pytest.approx((68 / 70 + 88 / 90) / 2)
    assert ours.own_cpu == pytest.approx(10)
    assert found["direct"].added is None
    assert found["C forwarder"].to_forwarder is None
    assert found["socat"].to_forwarder == pytest.approx(1.25)


def test_without_socat_its_ratios_are_unknown() -> None:
    found = latencies({"direct": taken(10), "C forwarder": taken(30), "faultlayer": taken(34)})
    assert found["faultlayer"].to_socat is None
    assert found["faultlayer"].p99_to_socat is None
    assert rates({"direct": taken(10)})["direct"].to_socat is None


def test_throughput_is_compared_with_socat_and_direct() -> None:
    found = rates({"direct": taken(1, per_s=300), "socat": taken(5, per_s=200, cpu_s=4e-6)})
    assert found["direct"].to_socat == 1.5
    assert found["socat"].to_socat is None
    assert found["socat"].added_us == Spread(4, 4, 4)
    assert found["socat"].own_cpu == pytest.approx(2)
    assert found["direct"].added_us is None


def test_a_subject_that_refuses_one_kind_of_stream_has_the_other() -> None:
    found = streams(
        {"direct": taken(1), "no first": taken(2)}, {"direct": taken(1), "no rate": taken(2)}
    )
    assert found["direct"].first_us == Spread(5, 5, 5)
    assert found["no first"].first_us is None
    assert found["no first"].mb_per_s == Spread(300, 300, 300)
    assert found["no rate"].first_us == Spread(10, 10, 10)
    assert found["no rate"].mb_per_s is None


def test_starts_are_compared_with_the_bare_start() -> None:
    found = summary({"bare start": [10, 20], "faultlayer": [15, 24]}, {})
    assert found.to_bare == {"faultlayer": pytest.approx(1.35)}  # turn by turn: 1.5 and 1.2
    assert found.ms["faultlayer"] == Spread(19.5, 15, 24)
    assert summary({"faultlayer": [15]}, {"bare start": "gone"}).to_bare == {}
